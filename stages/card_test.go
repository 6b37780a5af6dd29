package stages

import "testing"

// A model from elsewhere reads as much at once as it and its tokenizer can, unless somebody says otherwise.
func TestWindowsOfStrangers(t *testing.T) {
	for _, c := range []struct {
		flags                        map[string]string
		positions, tokenizer, length int
	}{
		{nil, 512, 0, 512}, {nil, 512, 512, 512}, {nil, 512, 64, 64}, {nil, 64, 512, 64},
		{map[string]string{"max_length": "128"}, 512, 512, 128}, {map[string]string{"max_length": "128"}, 64, 512, 64},
	} {
		cfg, err := resolved(t, "", nil, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readCard(t.TempDir(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got = got.fit(c.positions, c.tokenizer); got.MaxLength != c.length || got.Stride > c.length/4 {
			t.Errorf("%v: windows of %d with stride %d, want %d", c, got.MaxLength, got.Stride, c.length)
		}
	}
}
