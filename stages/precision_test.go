package stages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pii/torchmodel"
)

func TestAutoGoesByWhatWasMeasured(t *testing.T) {
	difference := func(v float64) *float64 { return &v }
	good := nearness{Tags: 20000, TagsEqual: 0.998, F1Difference: difference(-0.002), InputBits: 7}
	with := func(change func(n *nearness)) map[string]nearness {
		n := good
		change(&n)
		return map[string]nearness{torchmodel.INT8: n}
	}
	avx2 := []torchmodel.Reduced{{Precision: torchmodel.INT8, InputBits: 7}}
	vnni := []torchmodel.Reduced{{Precision: torchmodel.INT8, InputBits: 8}}
	both := []torchmodel.Reduced{vnni[0], {Precision: torchmodel.BF16}}
	narrow := []torchmodel.Reduced{both[1], both[0]}
	halves := nearness{Tags: 20000, TagsEqual: 0.998, F1Difference: difference(0)}
	far := nearness{Tags: 20000, TagsEqual: 0.99, F1Difference: difference(0)}
	for name, c := range map[string]struct {
		measured  map[string]nearness
		reduced   []torchmodel.Reduced
		want, why string
	}{
		"at the bound":                 {with(func(*nearness) {}), avx2, torchmodel.INT8, "99.800 % of 20000 tags"},
		"finer than measured":          {with(func(*nearness) {}), vnni, torchmodel.INT8, ""},
		"coarser than measured":        {with(func(n *nearness) { n.InputBits = 8 }), avx2, torchmodel.FP32, "not measured"},
		"tags":                         {with(func(n *nearness) { n.TagsEqual = 0.9979 }), avx2, torchmodel.FP32, "too far"},
		"F1 lower":                     {with(func(n *nearness) { n.F1Difference = difference(-0.0021) }), avx2, torchmodel.FP32, "too far"},
		"F1 higher":                    {with(func(n *nearness) { n.F1Difference = difference(0.0021) }), avx2, torchmodel.FP32, "too far"},
		"no span":                      {with(func(n *nearness) { n.F1Difference = nil }), avx2, torchmodel.FP32, "too few"},
		"few tags":                     {with(func(n *nearness) { n.Tags, n.TagsEqual = 1499, 1 }), avx2, torchmodel.FP32, "too few"},
		"not measured":                 {nil, avx2, torchmodel.FP32, "pii calibrate"},
		"nothing but fp32":             {with(func(*nearness) {}), nil, torchmodel.FP32, "no other"},
		"bf16, int8 measured":          {with(func(*nearness) {}), both, torchmodel.INT8, ""},
		"bf16 first, int8 measured":    {with(func(*nearness) {}), narrow, torchmodel.INT8, ""},
		"bf16, nothing measured":       {nil, both, torchmodel.FP32, "bf16 was not measured"},
		"bf16, bf16 measured and far":  {map[string]nearness{torchmodel.BF16: far}, both, torchmodel.FP32, "bf16 is too far"},
		"bf16, int8 far, bf16 is near": {map[string]nearness{torchmodel.INT8: far, torchmodel.BF16: halves}, both, torchmodel.BF16, "99.800 %"},
	} {
		got := card{Precisions: c.measured}.choose(c.reduced)
		if got.precision != c.want || !strings.Contains(got.why, c.why) {
			t.Errorf("%s: %+v, want %s, %q", name, got, c.want, c.why)
		}
	}
}

// A card from before precisions were measured is a card, and one with impossible figures is none.
func TestPrecisionsOfCards(t *testing.T) {
	cfg, err := resolved(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(more string) {
		t.Helper()
		content := `{"labels": ["A:pii"], "max_length": 64, "stride": 16, "apart": false` + more + "}"
		if err := os.WriteFile(filepath.Join(dir, cardName), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("")
	if old, err := readCard(dir, cfg); err != nil || old.Precisions != nil {
		t.Errorf("%+v, %v", old, err)
	}
	put(`, "precisions": {"int8": {"tags": 2000, "tags_equal": 0.999, "pii_f1_difference": null, "input_bits": 7}}`)
	if c, err := readCard(dir, cfg); err != nil || c.Precisions[torchmodel.INT8] != (nearness{2000, 0.999, nil, 7}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, hostile := range []string{`"tags": -5, "tags_equal": 1, "input_bits": 7`, `"tags": 5, "tags_equal": 1, "input_bits": -7`, `"tags": 5, "tags_equal": 1`,
		`"tags": 5, "tags_equal": 1, "input_bits": 7, "pii_f1_difference": -55`} {
		put(`, "precisions": {"int8": {` + hostile + `}}`)
		if _, err := readCard(dir, cfg); err == nil || !strings.Contains(err.Error(), "precision int8") {
			t.Errorf("%s is taken: %v", hostile, err)
		}
	}
	put(`, "precisions": {"int8": {"tags": 2000, "tags_equal": 99.9}}`)
	if _, err := readCard(dir, cfg); err == nil || !strings.Contains(err.Error(), "tags_equal of precision int8") {
		t.Error(err)
	}
}
