package data

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestStats(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := write("a.jsonl", `{"id":"1","text":"i'm Ann Lee, call 555 1234","entities":[{"start":4,"end":11,"label":"PERSON_NAME"},{"start":18,"end":26,"label":"PHONE"}]}
{"id":"2","text":"nothing here","entities":[]}
{"id":"3","text":"call five five five","entities":[{"start":5,"end":19,"label":"PHONE"}]}
`)
	b := write("b.jsonl", `{"id":"1","text":"call 5551234","entities":[{"start":5,"end":12,"label":"PHONE"}]}
{"id":"2","text":"Nothing, here","entities":[]}
`)
	var all []*Stats
	for _, path := range []string{a, b} {
		s, err := ReadStats(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	s := all[0]
	if s.Transcripts != 3 || s.Without != 1 || s.Cased != 1 || s.Punctuated != 1 || s.Names != 2 || s.Frames != 3 || s.Vocabulary != 4 {
		t.Errorf("%+v", s)
	}
	if want := (Spread{Mean: 4, Least: 2, Median: 4, P95: 4, Most: 6}); s.Words != want {
		t.Errorf("%+v", s.Words)
	}
	if want := (map[string]TypeStats{"PERSON_NAME": {1, 1, 2, 1, 0}, "PHONE": {2, 2, 2.5, 1, 1}}); !reflect.DeepEqual(s.Types, want) {
		t.Errorf("%+v", s.Types)
	}
	want := []Overlap{{File: a, Of: b, Texts: 1, Frames: 2, Entities: map[string]int{"PHONE": 1}}}
	if got := Overlaps(all); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if _, err := ReadStats(filepath.Join(dir, "none"), Options{}); err == nil {
		t.Error("a file that is not there: no error")
	}
}
