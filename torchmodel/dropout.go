package torchmodel

// #include "csrc/pii_torch.h"
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/sugarme/gotch/ts"
)

// masks gives each dropout of one forward pass a key of its own, from which its mask follows (csrc/dropout.cpp). What is
// drawn is a function of the seed of the step, the number of the shard and the running number of the dropout: neither the
// thread that computes the shard nor the one before it has a part.
type masks struct{ next uint64 }

func newMasks(seed int64, shard int) *masks {
	return &masks{mix(mix(uint64(seed)) + uint64(shard))}
}

func (m *masks) key() uint64 {
	m.next++
	return mix(m.next)
}

// mix is splitmix64 (Steele, Lea and Flood 2014, https://doi.org/10.1145/2714064.2660195).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// keyedDropout zeroes elements of x, float32 on the CPU, with probability p and multiplies the rest by 1/(1-p).
func keyedDropout(x *ts.Tensor, p float64, key uint64) (*ts.Tensor, error) {
	defer runtime.KeepAlive(x)
	var out unsafe.Pointer
	if err := taken(C.pii_torch_dropout(x.Ctensor(), C.double(p), C.uint64_t(key), &out)); err != nil {
		return nil, err
	}
	return ts.FromCtensor(out), nil
}
