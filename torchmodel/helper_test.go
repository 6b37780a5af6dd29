package torchmodel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
)

// helperVariable tells a test binary that another test started which part of it to run.
const helperVariable = "PII_TEST_HELPER"

var helpers = map[string]func() error{
	"reexec": func() error {
		if err := Reexec(); err != nil {
			return err
		}
		fmt.Printf("coretype=%s\n", os.Getenv(coretypeVariable))
		return nil
	},
	"load": func() error {
		fmt.Printf("load=%v\n", Load())
		return nil
	},
	"predict": func() error {
		s, err := Open("cpu", 2)
		if err != nil {
			return err
		}
		m, err := s.LoadToPredict(tiny, FP32)
		fmt.Printf("load=%v\n", err)
		if err != nil {
			return nil
		}
		logits, err := m.Logits([]Row{{IDs: []int32{2, 5, 3}}})
		fmt.Printf("logits=%v\n", logits)
		return errors.Join(err, m.Close())
	},
	"bf16": sharedProducts,
	"calls": func() error {
		calls, err := strconv.Atoi(os.Getenv("CALLS"))
		if err != nil {
			return err
		}
		s, err := Open("cpu", 2)
		if err != nil {
			return err
		}
		m, err := s.LoadToPredict(tiny, os.Getenv("PRECISION"))
		if err != nil {
			return err
		}
		for range calls {
			if _, err := m.Logits([]Row{{IDs: []int32{2, 5, 3}}, {IDs: []int32{2, 5, 3, 4, 7, 3}}}); err != nil {
				return err
			}
		}
		return m.Close()
	},
	"threads": withoutThreads,
	"products": func() error {
		s, err := Open("cpu", 1)
		if err != nil {
			return err
		}
		m, err := s.LoadToPredict(tiny, FP32)
		if err != nil {
			return err
		}
		fmt.Printf("products by %s.\n", m.Products())
		return m.Close()
	},
	"device": func() error {
		device, err := ResolveDevice("auto")
		fmt.Printf("device=%q %v\n", device, err)
		return nil
	},
	"cuda": func() error {
		if err := Load(); err != nil {
			return err
		}
		device, err := cudaDevice(0)
		fmt.Printf("%+v %v\n", device, err)
		return nil
	},
}

// TestHelperProcess is not a test: it is what runHelper starts.
func TestHelperProcess(t *testing.T) {
	if run := helpers[os.Getenv(helperVariable)]; run != nil {
		if err := run(); err != nil {
			t.Fatal(err)
		}
	}
}

// runHelper runs a helper in a process of its own and returns what it printed.
func runHelper(t *testing.T, name string, environment ...string) string {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
	command.Env = slices.Concat(os.Environ(), environment, []string{helperVariable + "=" + name})
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("helper %s: %v\n%s", name, err, output)
	}
	return string(output)
}
