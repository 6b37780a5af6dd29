package torchmodel

// #include "csrc/engine/engine.h"
import "C"

// Reduced is a precision below fp32 that the engine computes in on this machine, faster than in fp32.
type Reduced struct {
	Precision string
	InputBits int // of int8, what the inputs of products are rounded to: 8, or 7 where sums of two products must fit in 16 bits
}

// ReducedPrecisions are the precisions below fp32 that the engine computes in on this machine, the fastest for a model of width dim
// first. It does not load libtorch.
func ReducedPrecisions(dim int) ([]Reduced, error) {
	if _, err := loadEngine(); err != nil {
		return nil, err
	}
	supports := func(name string) int { return int(C.pii_engine_supports(precisionCodes[name])) }
	return abilities{supports(BF16), supports(INT8)}.reduced(dim), nil
}

// abilities say of each precision how the engine computes in it, as pii_engine_supports does: 0 not at all, 1 somehow, 2 with AVX-512, its
// VNNI for int8 and its BF16 for bf16, 3 with AMX.
type abilities struct{ bf16, int8 int }

// wide is the width from which int8 was measured to be faster than bf16 on AMX. In narrower models, rounding the inputs is a larger part of
// the work, and nobody has measured which is faster.
const wide = 768

// reduced orders by what docs/performance.md has of each set of instructions.
func (a abilities) reduced(dim int) []Reduced {
	var list []Reduced
	if a.int8 > 0 {
		bits := 7
		if a.int8 >= 2 {
			bits = 8
		}
		list = append(list, Reduced{INT8, bits})
	}
	if a.bf16 == 0 {
		return list
	}
	if a.bf16 == 3 && dim < wide {
		return append([]Reduced{{Precision: BF16}}, list...)
	}
	return append(list, Reduced{Precision: BF16})
}
