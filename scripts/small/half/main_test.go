package main

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestHalveValues(t *testing.T) {
	for _, c := range []struct {
		value float32
		want  uint16 // as IEEE 754 has it: sign, 5 bits of exponent, 10 of fraction
	}{
		{0, 0}, {1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff},
		{1 + 1.0/2048, 0x3c00},         // half way: to the even one
		{1 + 3.0/2048, 0x3c02},         // half way: to the even one
		{0.1, 0x2e66},                  // the nearest
		{5.9604645e-08, 1},             // the least that is not 0
		{float32(math.Pow(2, -26)), 0}, // less than half of it
	} {
		got, err := halveValues(binary.LittleEndian.AppendUint32(nil, math.Float32bits(c.value)))
		if err != nil || binary.LittleEndian.Uint16(got) != c.want {
			t.Errorf("%g: got %x, %v; want %x", c.value, got, err, c.want)
		}
	}
	for _, value := range []float32{70000, float32(math.Inf(1)), float32(math.NaN())} {
		if _, err := halveValues(binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))); err == nil {
			t.Errorf("%g: no error", value)
		}
	}
}
