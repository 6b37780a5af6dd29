package rawjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzWalk: walking over valid JSON sees what encoding/json sees.
func FuzzWalk(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"}"}],"c":"\\\"]","d":null} `))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want map[string]json.RawMessage
		if !utf8.Valid(raw) || json.Unmarshal(raw, &want) != nil || want == nil {
			return
		}
		got := map[string]json.RawMessage{}
		for key, value := range Members(raw) {
			name, err := Unquote(key)
			if err != nil {
				return
			}
			got[name] = json.RawMessage(value)
			if Kind(value) != "an array" {
				continue
			}
			var items []json.RawMessage
			if err := json.Unmarshal(value, &items); err != nil {
				t.Fatal(err)
			}
			count := 0
			for item := range Values(value) {
				if !bytes.Equal(item, items[count]) {
					t.Fatalf("item %d is %q, not %q", count, item, items[count])
				}
				count++
			}
			if count != len(items) {
				t.Fatalf("%d items, not %d", count, len(items))
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %q, want %q", raw, got, want)
		}
	})
}
