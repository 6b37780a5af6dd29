package hub

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Model{
		"distilbert-base-uncased":    {"distilbert-base-uncased", "main"},
		"acme/tiny":                  {"acme/tiny", "main"},
		"acme/tiny@main":             {"acme/tiny", "main"},
		"Foo-BAR_foo.bar123/x@v1.0":  {"Foo-BAR_foo.bar123/x", "v1.0"},
		"acme/tiny@refs/pr/1":        {"acme/tiny", "refs/pr/1"},
		"acme/tiny@feature/a-branch": {"acme/tiny", "feature/a-branch"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s: as %s it is %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "/", "a/", "/a", "a/b/c", "./a", "../a", "a..b", "a--b", "a/b.git", "-a", "a-", ".a", "a.", "a b", "é", "~/a",
		"a@", "a@../x", "a@/x", "a@x/", "a@x//y", "a@x\ny", "a@x\\y", "a@.", "@x", "datasets/a/b", strings.Repeat("x", 97), strings.Repeat("x", 200) + "/y"} {
		if m, err := Parse(text); err == nil {
			t.Errorf("%q is %+v", text, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"acme/tiny@main", "a..b", "x@refs/pr/1", "../x@..", "a@b\\c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		c := &Client{Cache: "/cache"}
		below := func(parent, path string) {
			if rel, err := filepath.Rel(parent, path); err != nil || rel == "." || strings.HasPrefix(rel, "..") {
				t.Errorf("%q leads to %s, outside %s", text, path, parent)
			}
		}
		folder := c.folder(m.Repo)
		below("/cache", folder.path)
		if filepath.Dir(folder.path) != "/cache" {
			t.Errorf("%q has the folder %s", text, folder.path)
		}
		below(folder.path+"/refs", folder.ref(m.Revision))
	})
}

func FuzzShards(f *testing.F) {
	f.Add(`{"weight_map": {"a": "model-00001-of-00002.safetensors"}}`)
	f.Add(`{"weight_map": {"a": "../x", "b": "/x", "c": "a\\b"}}`)
	f.Fuzz(func(t *testing.T, content string) {
		all := source{func(string) bool { return true }, func(string) ([]byte, error) { return []byte(content), nil }}
		names, err := shards(all, "model.safetensors.index.json")
		if err != nil {
			return
		}
		for _, name := range names {
			if !filepath.IsLocal(name) || filepath.Clean(name) != name {
				t.Errorf("%q is taken for a file's name", name)
			}
		}
	})
}
