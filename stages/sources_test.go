package stages

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutputIsNothingThatIsRead names a file that is read in all the ways in which it can be named.
func TestOutputIsNothingThatIsRead(t *testing.T) {
	dir := t.TempDir()
	path := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	for _, name := range []string{"deny.txt", "other.txt"} {
		if err := os.WriteFile(path(name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(path("folder"), 0o777), os.Symlink(path("deny.txt"), path("link")), os.Link(path("deny.txt"), path("hard")),
		os.Symlink(dir, path("folder", "up"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		output, read string
		same         bool
	}{
		{path("deny.txt"), path("deny.txt"), true}, {path("link"), path("deny.txt"), true}, {path("deny.txt"), path("link"), true},
		{path("hard"), path("deny.txt"), true}, {path("folder", "up", "deny.txt"), path("deny.txt"), true},
		{path("folder", "up", "new"), path("new"), true}, // read where it is there
		{path("other.txt"), path("deny.txt"), false}, {path("folder", "deny.txt"), path("deny.txt"), false},
		{path("deny.txt"), "", false}, {path(none), none, false}, {"/dev/null", "/dev/null", false}, {"-", path("deny.txt"), false},
		{"builtin:dev", "builtin:dev", false},
	} {
		err := spare("--output", c.output, source{"the other", path("other")}, source{"the list", c.read})
		var refused *ConfigError
		if errors.As(err, &refused) != c.same || c.same && !strings.Contains(err.Error(), "--output "+c.output+" is the list;") {
			t.Errorf("%s, where %s is read: %v", c.output, c.read, err)
		}
	}
}
