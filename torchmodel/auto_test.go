package torchmodel

import (
	"fmt"
	"testing"
)

func TestReducedPrecisionsByInstructions(t *testing.T) {
	for name, c := range map[string]struct {
		has  abilities
		dim  int
		want string // with the bits of inputs
	}{
		"no AVX2":      {abilities{0, 0}, 768, "[]"},
		"AVX2":         {abilities{0, 1}, 768, "[int8 7]"},
		"AVX2, narrow": {abilities{0, 1}, 192, "[int8 7]"},
		"VNNI":         {abilities{0, 2}, 192, "[int8 8]"},
		"AVX512_BF16":  {abilities{2, 2}, 192, "[int8 8 bf16 0]"},
		"AMX":          {abilities{3, 3}, 768, "[int8 8 bf16 0]"},
		"AMX, narrow":  {abilities{3, 3}, 192, "[bf16 0 int8 8]"},
	} {
		var got []string
		for _, r := range c.has.reduced(c.dim) {
			got = append(got, fmt.Sprint(r.Precision, " ", r.InputBits))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// What is listed can be computed in, and the engine's own list has the same.
func TestReducedPrecisionsAreTheEngines(t *testing.T) {
	info, err := Engine()
	if err != nil {
		t.Fatal(err)
	}
	list, err := ReducedPrecisions(768)
	if err != nil || len(list)+1 != len(info.Precisions) {
		t.Errorf("%v beside fp32, the engine has %v (%v)", list, info.Precisions, err)
	}
}
