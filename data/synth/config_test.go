package synth

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pii/labels"
)

func TestReadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rates.yaml")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := DefaultConfig().YAML()
	if err != nil {
		t.Fatal(err)
	}
	write(string(whole))
	if c, err := ReadConfig(path); err != nil || !reflect.DeepEqual(c, DefaultConfig()) {
		t.Errorf("what is printed reads otherwise: %v", err)
	}
	write("sizes:\n  train: 5\ncompose:\n  types:\n    - name: CITY\n      weight: 1\n")
	want := DefaultConfig()
	want.Sizes.Train, want.Compose.Types = 5, []Weight{{"CITY", 1}}
	if c, err := ReadConfig(path); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%v: %+v", err, c)
	}
	for content, message := range map[string]string{
		"noise:\n  dorp: 0.1\n":        "dorp",
		"noise:\n  drop: 2\n":          "noise.drop: 2 is not between 0 and 1",
		"compose:\n  types: []\n":      "compose.types: all weights are 0",
		"noise: much\n":                "rates.yaml",
		"compose:\n  entities: [-1]\n": "compose.entities: a weight is below 0",
		"compose:\n  types:\n    - name: CAT\n      weight: 1\n":      `no type "CAT"`,
		"sizes:\n  train: -5\n":                                       "rates.yaml: sizes.train: -5 is below 0",
		"sizes:\n  variations: -1\n":                                  "rates.yaml: sizes.variations: -1 is below 0",
		"values:\n  cultures:\n    - name: inidan\n      weight: 1\n": `rates.yaml: values.cultures: there is no culture "inidan"; there are mixed, indian`,
		"compose:\n  registers:\n    - name: song\n      weight: 1\n": "",
	} {
		write(content)
		c, err := ReadConfig(path)
		if message == "" {
			if err == nil {
				_, err = newMaker(c, Train, 1)
			}
			message = `no register "song"`
		}
		if err == nil || !strings.Contains(err.Error(), message) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// A register that carries none of the types that are asked for borrows from the general one.
func TestTypesThatARegisterLacks(t *testing.T) {
	common, lacking := loaded(t, "common"), 0
	for _, typ := range labels.DefaultTypes() {
		for _, r := range DefaultConfig().Compose.Registers {
			if len(common.carry[r.Name][typ.Name]) > 0 {
				continue
			}
			lacking++
			cfg := DefaultConfig()
			r.Alone, r.Script, r.Weight = 1, 0, 1
			cfg.Compose.Registers, cfg.Compose.Types, cfg.Compose.Entities = []Register{r}, []Weight{{typ.Name, 1}}, []float64{0, 1}
			for _, made := range generated(t, Train, 3, 1, cfg) {
				if len(made.Entities) == 0 {
					t.Errorf("%s: a clause that was to hold %s holds nothing", r.Name, typ.Name)
				}
			}
		}
	}
	if lacking == 0 {
		t.Error("every register carries every type")
	}
}
