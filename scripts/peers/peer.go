package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// peer is another system, a process that is sent calls and says how long they took: see ort.js.
type peer struct {
	called  string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// startPeer starts the process and waits until its model is loaded.
func startPeer(ctx context.Context, name string, command []string) (*peer, error) {
	p := &peer{called: name, command: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.command.Stderr = os.Stderr
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if line, err := p.out.ReadString('\n'); err != nil || line != "ready\n" {
		p.stop()
		return nil, fmt.Errorf("%s did not load its model", name)
	}
	return p, nil
}

func (p *peer) name() string { return p.called }

func (p *peer) run(calls []call) ([]float64, error) {
	if err := json.NewEncoder(p.in).Encode(calls); err != nil {
		return nil, fmt.Errorf("%s: %w", p.called, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("%s ended: %w", p.called, err)
	}
	var took []float64
	if err := json.Unmarshal(line, &took); err != nil {
		return nil, fmt.Errorf("%s: %w", p.called, err)
	}
	if len(took) != len(calls) {
		return nil, fmt.Errorf("%s timed %d of %d calls", p.called, len(took), len(calls))
	}
	return took, nil
}

// stop ends the process by the end of its input. What it ends with does not matter any more.
func (p *peer) stop() {
	_ = p.in.Close()
	_ = p.command.Wait()
}
