package stages

import (
	"io"
	"log"
	"testing"

	"pii/torchmodel"
)

// Sessions have threads of their own, and more threads than processors slow one another down.
func TestOneSessionPerDevice(t *testing.T) {
	device, err := torchmodel.ResolveDevice("auto")
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Log: log.New(io.Discard, "", 0)}
	defer env.Close()
	byDefault, err := env.session("auto", 1)
	if err != nil {
		t.Fatal(err)
	}
	byName, err := env.session(device, 1)
	if err != nil {
		t.Fatal(err)
	}
	if byDefault != byName || len(env.sessions) != 1 {
		t.Errorf("auto and %s have %d sessions, want one for both", device, len(env.sessions))
	}
}
