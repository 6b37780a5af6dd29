package stages

import (
	"os"
	"testing"
)

func TestModelsOfTheHub(t *testing.T) {
	for _, name := range []string{"distilbert-base-uncased", "distilbert-base-cased@main", "acme/tiny", "acme/tiny@refs/pr/1"} {
		c, err := resolved(t, "", nil, map[string]string{"model": name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !c.onHub() || c.checkpoint() != "" || c.Epochs != presets["distilbert-base"].epochs {
			t.Errorf("%s: on the hub: %v; in %q; %d epochs", name, c.onHub(), c.checkpoint(), c.Epochs)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("acme/tiny", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"small", "distilbert-base", "acme/tiny"} {
		if c, err := resolved(t, "", nil, map[string]string{"model": name}); err != nil || c.onHub() {
			t.Errorf("%s is looked for on the hub, %v", name, err)
		}
	}
}
