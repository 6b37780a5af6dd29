package torchmodel

// #include "csrc/pii_torch.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/sugarme/gotch/ts"
)

// shardRows is how many rows a shard has at most. It is fixed, so that sums are formed in the same order on any number of
// cores.
const shardRows = 8

// shardsOf divides rows among shards of alike size, the shortest rows first: rows of alike length need little padding, and
// shards that are computed at the same time take alike long.
func shardsOf(rows []Row) [][]Row {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b Row) int { return cmp.Compare(len(a.IDs), len(b.IDs)) })
	n := (len(rows) + shardRows - 1) / shardRows
	shards := make([][]Row, n)
	for i := range shards {
		shards[i] = sorted[i*len(rows)/n : (i+1)*len(rows)/n]
	}
	return shards
}

// crew computes the gradients of shards at the same time on the CPU. Its first member is the model on its session's
// thread; the others are threads of their own with replicas of the model, whose parameters share the model's memory and have
// gradients of their own.
//
// Small models gain little from threads within an operation: an operation is over in microseconds, and its threads wait for
// one another at the end of each. Members wait for one another once a round.
type crew struct {
	model   *Model
	threads int // CPU threads that may be busy at a time
	workers []*worker
}

type worker struct {
	owner
	model *Model
}

// accumulate adds the gradients of all shards to the model's and returns their summed losses. compute does one shard with
// the gradients of the model that it is given. It runs on the session's thread.
func (c *crew) accumulate(shards int, compute func(m *Model, shard int) (float64, error)) (sum float64, err error) {
	members := max(1, min(c.threads, shards))
	if err := c.hire(members - 1); err != nil {
		return 0, err
	}
	for first := 0; first < shards; first += members {
		losses, err := c.round(first, min(members, shards-first), c.threads/members, compute)
		if err != nil {
			return 0, errors.Join(err, c.clear())
		}
		for _, loss := range losses {
			sum += loss
		}
	}
	return sum, nil
}

// round computes n shards, one a member, and adds the gradients in the order of the shards.
func (c *crew) round(first, n, width int, compute func(m *Model, shard int) (float64, error)) ([]float64, error) {
	losses, errs := make([]float64, n), make([]error, n)
	if n == 1 && width == c.threads {
		losses[0], errs[0] = compute(c.model, first)
		return losses, errs[0]
	}
	var others sync.WaitGroup
	for i, w := range c.workers[:n-1] {
		others.Go(func() {
			errs[i+1] = w.do(func() (err error) {
				if err := setWidth(width); err != nil {
					return err
				}
				losses[i+1], err = compute(w.model, first+i+1)
				return err
			})
		})
	}
	errs[0] = setWidth(width)
	if errs[0] == nil {
		losses[0], errs[0] = compute(c.model, first)
	}
	others.Wait()
	errs = append(errs, setWidth(c.threads))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return losses, c.gather(c.workers[:n-1])
}

// hire sees to it that there are n workers.
func (c *crew) hire(n int) error {
	for len(c.workers) < n {
		w := &worker{owner: newOwner()}
		c.workers = append(c.workers, w)
		err := w.do(func() (err error) {
			w.model, err = c.model.replica()
			return err
		})
		if err != nil {
			return fmt.Errorf("making a replica of the model: %w", err)
		}
	}
	return nil
}

// setWidth sets how many threads the operations of the calling thread get.
func setWidth(threads int) error { return taken(C.pii_torch_use_threads(C.int(threads))) }

// replica is a model of the same parameters, in the same memory, with gradients of its own.
func (m *Model) replica() (*Model, error) {
	all := &parameters{shared: m.parameters, device: m.session.device}
	copied := &Model{Config: m.Config, session: m.session}
	copied.assemble(path{all, ""})
	copied.parameters = all.list
	return copied, all.err
}

// sharing is a tensor outside any scope in the memory of parameter p that collects gradients of its own, unless p is frozen.
func sharing(p Parameter) (*ts.Tensor, error) {
	x, err := p.tensor.Detach(false)
	if err == nil && !p.frozen {
		err = x.RequiresGrad_(true)
	}
	return x, err
}

// gather adds the workers' gradients to the model's, in the order of the workers, and clears theirs.
func (c *crew) gather(from []*worker) error {
	if len(from) == 0 {
		return nil
	}
	var copies []*ts.Tensor
	for _, w := range from {
		copies = append(copies, w.model.tensors()...)
	}
	sums := c.model.tensors()
	defer runtime.KeepAlive(copies)
	defer runtime.KeepAlive(sums)
	return taken(C.pii_torch_add_gradients(pointers(sums), pointers(copies), C.int(len(sums)), C.int(len(from))))
}

// clear drops the gradients of a step that failed.
func (c *crew) clear() error {
	all := c.model.tensors()
	for _, w := range c.workers {
		all = append(all, w.model.tensors()...)
	}
	defer runtime.KeepAlive(all)
	return taken(C.pii_torch_clear_gradients(pointers(all), C.int(len(all))))
}

// close ends the workers and frees their replicas.
func (c *crew) close() error {
	var errs []error
	for _, w := range c.workers {
		errs = append(errs, w.do(func() error { return w.model.free() }))
		w.close()
	}
	c.workers = nil
	return errors.Join(errs...)
}
