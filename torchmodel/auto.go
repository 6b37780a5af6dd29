package torchmodel

// #include "csrc/engine/engine.h"
import "C"

// Reduced is a precision below fp32 that the engine computes in on this machine.
type Reduced struct {
	Precision string
	InputBits int  // of int8, what the inputs of products are rounded to: 8, or 7 where sums of two products must fit in 16 bits
	Faster    bool // than fp32 here
}

// ReducedPrecisions are the precisions below fp32 that the engine computes in on this machine, the fastest for a model of width dim
// first. It does not load libtorch.
func ReducedPrecisions(dim int) ([]Reduced, error) {
	if _, err := loadEngine(); err != nil {
		return nil, err
	}
	supports := func(name string) int { return int(C.pii_engine_supports(precisionCodes[name])) }
	return abilities{supports(FP32), supports(BF16), supports(INT8)}.reduced(dim), nil
}

// abilities say of each precision how the engine computes in it: 0 not at all, 1 somehow, 2 with instructions that oneDNN has code for:
// AVX-512, AMX and VNNI.
type abilities struct{ fp32, bf16, int8 int }

// wide is the width from which int8 was measured to be faster than bf16 on AMX. In narrower models, rounding the inputs is a larger part of
// the work, and nobody has measured which is faster.
const wide = 768

// reduced orders by what docs/performance.md has of each set of instructions.
func (a abilities) reduced(dim int) []Reduced {
	var list []Reduced
	if a.int8 > 0 {
		bits := 7
		if a.int8 == 2 {
			bits = 8
		}
		// With AVX-512 and no VNNI, oneDNN does as many operations a cycle in fp32 as our loops for AVX2 in int8.
		list = append(list, Reduced{INT8, bits, a.int8 == 2 || a.fp32 < 2})
	}
	if a.bf16 == 0 {
		return list
	}
	bf16 := Reduced{Precision: BF16, Faster: a.bf16 == 2}
	if bf16.Faster && dim < wide {
		return append([]Reduced{bf16}, list...)
	}
	return append(list, bf16)
}
