package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"pii/torchmodel"
)

// own are our models, one for each precision.
type own struct {
	session *torchmodel.Session
	models  []ownModel
}

// ownModel is one of them as a system.
type ownModel struct {
	*torchmodel.Model
	precision string
}

func openOwn(o options) (*own, error) {
	session, err := torchmodel.Open("cpu", o.threads)
	if err != nil {
		return nil, err
	}
	all := &own{session: session}
	for _, precision := range strings.Split(o.precisions, ",") {
		err := all.add(o.model, precision)
		var none *torchmodel.NoPrecisionError
		if errors.As(err, &none) {
			fmt.Fprintf(os.Stderr, "bench-peers: pii %s is left out: %s\n", precision, none.Reason)
			continue
		}
		if err != nil {
			all.close()
			return nil, err
		}
	}
	if len(all.models) == 0 {
		all.close()
		return nil, errors.New("-precisions names none that this machine has")
	}
	return all, nil
}

func (o *own) add(dir, precision string) error {
	model, err := o.session.Load(dir)
	if err != nil {
		return err
	}
	if err := model.Prepare(precision); err != nil {
		return errors.Join(err, model.Close())
	}
	o.models = append(o.models, ownModel{model, precision})
	return nil
}

func (o *own) systems() []system {
	list := make([]system, len(o.models))
	for i, m := range o.models {
		list[i] = m
	}
	return list
}

// close ends the session; the process follows, so an error of it changes nothing.
func (o *own) close() {
	for _, m := range o.models {
		if err := m.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench-peers:", err)
		}
	}
	o.session.Close()
}

func (m ownModel) name() string { return "pii " + m.precision }

func (m ownModel) run(calls []call) ([]float64, error) {
	took := make([]float64, len(calls))
	for i, c := range calls {
		rows := make([]torchmodel.Row, len(c))
		for k, ids := range c {
			rows[k].IDs = ids
		}
		start := time.Now()
		if _, err := m.Logits(rows); err != nil {
			return nil, err
		}
		took[i] = float64(time.Since(start)) / float64(time.Millisecond)
	}
	return took, nil
}
