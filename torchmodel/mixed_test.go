package torchmodel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	"golang.org/x/sys/cpu"
)

// sharedProducts computes in bfloat16 what one thread knows from another that has forgotten it since.
func sharedProducts() error {
	if err := Load(); err != nil {
		return err
	}
	var sessions [2]*Session
	for i := range sessions {
		s, err := Open("cpu", 1)
		if err != nil {
			return err
		}
		defer s.Close()
		sessions[i] = s
	}
	for _, turn := range []struct{ thread, rows, to int }{{0, 8, 9}, {1, 8, 9}, {0, 10, 60}, {1, 8, 9}} {
		for rows := turn.rows; rows < turn.to; rows++ {
			if err := sessions[turn.thread].do(func() error { return product(rows) }); err != nil {
				return fmt.Errorf("%d rows on thread %d: %w", rows, turn.thread, err)
			}
		}
	}
	fmt.Println("all are right")
	return nil
}

// product checks a layer of 64 inputs and 48 outputs, all 1, with bias 2.
func product(rows int) error {
	s := &scope{precision: BF16}
	defer s.drop()
	filled := func(value float32, shape ...int64) []float32 {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		all := make([]float32, n)
		for i := range all {
			all[i] = value
		}
		return all
	}
	x := s.float32s(filled(1, int64(rows), 64), []int64{int64(rows), 64}, gotch.CPU)
	w := s.float32s(filled(1, 48, 64), []int64{48, 64}, gotch.CPU)
	b := s.float32s(filled(2, 48), []int64{48}, gotch.CPU)
	for _, v := range s.floats(s.full(s.linear(x, w, b))) {
		if v != 66 {
			return fmt.Errorf("an output is %v, not 66", v)
		}
	}
	return s.err
}

// TestProductsThatAnotherThreadMade: oneDNN and libtorch are made to forget soon, and freed memory to hold nothing that looks like a
// description of a product. See scope.addsBiasItself.
func TestProductsThatAnotherThreadMade(t *testing.T) {
	if !cpu.X86.HasAVX512BF16 {
		t.Skip("this processor has no AVX512_BF16, without which libtorch does not give oneDNN products in bfloat16")
	}
	needLibtorch(t)
	out := runHelper(t, "bf16", "ONEDNN_PRIMITIVE_CACHE_CAPACITY=8", "LRU_CACHE_CAPACITY=8", "MALLOC_PERTURB_=165")
	if !strings.Contains(out, "all are right") {
		t.Error(out)
	}
}
