package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLateParameters has a stage whose key has the first letter that an earlier stage wrote, in the case that a setting says.
func TestLateParameters(t *testing.T) {
	dir := t.TempDir()
	text, letter := "able", strings.ToLower
	run := func() *Run {
		t.Helper()
		write := func(content string) func(context.Context, *Job) error {
			return func(_ context.Context, job *Job) error {
				return os.WriteFile(filepath.Join(job.Dir, "out.txt"), []byte(content), 0o666)
			}
		}
		r, err := Open(dir, []Stage{
			{Name: "first", Params: map[string]string{"text": text}, Run: write(text)},
			{Name: "second", Params: map[string]int{"n": 1}, Needs: []Need{{"first", "out.txt"}}, Run: write("done"),
				Late: func(path func(stage, file string) string) (any, error) {
					content, err := os.ReadFile(path("first", "out.txt"))
					return map[string]string{"letter": letter(string(content[:1]))}, err
				}},
		}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	expect := func(fresh bool, reason string) {
		t.Helper()
		states, err := run().Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s := states[1]; s.Fresh != fresh || !strings.Contains(s.Reason(), reason) || strings.Contains(s.Reason(), "letter changed") != strings.Contains(reason, "letter") {
			t.Errorf("second is %+v: %s", s, s.Reason())
		}
		if _, err := run().Execute(t.Context(), Options{}); err != nil {
			t.Fatal(err)
		}
	}
	expect(false, "it waits for first")
	record, err := readRecord(filepath.Join(dir, "second"))
	if err != nil || record.Params["letter"] != "a" || record.Params["n"] == nil {
		t.Fatalf("the record has %v (%v)", record, err)
	}
	expect(true, "")
	letter = strings.ToUpper
	expect(false, `letter changed from "a" to "A"`)
	text = "baker"
	expect(false, "it waits for first")
	if record, err = readRecord(filepath.Join(dir, "second")); err != nil || record.Params["letter"] != "B" {
		t.Fatalf("the record has %v (%v)", record, err)
	}
	expect(true, "")
}
