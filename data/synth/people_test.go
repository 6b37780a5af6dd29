package synth

import (
	"strings"
	"testing"
)

// Thousands of names, and of every culture enough for the stress set too.
func TestPeople(t *testing.T) {
	for name, least := range map[string]int{"people": 10_000, "stress_people": 1000} {
		cultures, err := readPeople(name)
		if err != nil {
			t.Fatal(err)
		}
		all := 0
		for _, c := range cultures {
			all += len(c.given) + len(c.family)
			if len(c.given) < 2 || len(c.family) < 1 {
				t.Errorf("%s: %s has %d given and %d family names", name, c.name, len(c.given), len(c.family))
			}
			for _, n := range append(append([]string{}, c.given...), c.family...) {
				if n == "" || strings.TrimSpace(n) != n || plain(n) == "" {
					t.Errorf("%s: %s: name %q", name, c.name, n)
				}
			}
		}
		if all < least {
			t.Errorf("%s: only %d names", name, all)
		}
	}
	for _, weight := range DefaultConfig().Values.Cultures {
		if cultures, _ := readPeople("people"); !hasCulture(cultures, weight.Name) {
			t.Errorf("the configuration weighs culture %q, which is not there", weight.Name)
		}
	}
}

func hasCulture(all []culture, name string) bool {
	for _, c := range all {
		if c.name == name {
			return true
		}
	}
	return false
}
