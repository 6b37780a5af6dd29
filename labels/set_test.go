package labels

import (
	"reflect"
	"strings"
	"testing"
)

func defaultSet(t testing.TB) *Set {
	t.Helper()
	set, err := NewSet(DefaultTypes())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestDefaultSetHasFifteenTags(t *testing.T) {
	set := defaultSet(t)
	if set.Len() != 15 || set.TagName(0) != "O" || set.TagName(1) != "B-CREDIT_CARD" || set.TagName(14) != "I-LOCATION" {
		t.Errorf("tags are %v", set.TagNames())
	}
	for name, want := range map[string]bool{"PHONE": true, "DATE": true, "CITY": false, "LOCATION": false, "NONE": false} {
		if set.PII(name) != want {
			t.Errorf("PII(%s) = %v", name, !want)
		}
	}
}

func TestSetsOfOtherSizes(t *testing.T) {
	for _, n := range []int{1, 6, 30} {
		var types []Type
		for i := range n {
			types = append(types, Type{string(rune('A'+i%26)) + strings.Repeat("X", i/26), i%2 == 0})
		}
		set, err := NewSet(types)
		if err != nil {
			t.Fatal(err)
		}
		if set.Len() != 2*n+1 || !reflect.DeepEqual(set.Types(), types) {
			t.Errorf("%d types: %d tags, types %v", n, set.Len(), set.Types())
		}
	}
}

func TestFromTagsKeepsTheCheckpointsOrder(t *testing.T) {
	names := []string{"I-X", "B-Y", "O", "I-Y", "B-X"}
	set, err := FromTags(names, func(name string) bool { return name == "Y" })
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(set.TagNames(), names) {
		t.Errorf("tags are %v", set.TagNames())
	}
	if id, ok := set.TagID("B-X"); !ok || id != 4 || !set.PII("Y") || set.PII("X") {
		t.Errorf("B-X is %d, %v", id, ok)
	}
}

func TestBadSetsAreRefused(t *testing.T) {
	cases := []struct {
		names []string
		want  string
	}{
		{[]string{"B-X", "I-X"}, "no tag O"},
		{[]string{"O"}, "no entity type"},
		{[]string{"O", "B-X"}, "no tag I-X"},
		{[]string{"O", "I-X"}, "no tag B-X"},
		{[]string{"O", "B-X", "I-X", "B-X"}, "twice"},
		{[]string{"O", "LABEL_1"}, "neither O nor"},
		{[]string{"O", "S-X"}, "neither O nor"},
		{[]string{"O", "B-", "I-"}, "proper type name"},
		{[]string{"O", "B- X", "I- X"}, "proper type name"},
	}
	for _, c := range cases {
		_, err := FromTags(c.names, func(string) bool { return false })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.names, err, c.want)
		}
	}
}

func TestParseTypes(t *testing.T) {
	types, err := ParseTypes([]string{"PHONE:pii", " CITY "})
	if err != nil || !reflect.DeepEqual(types, []Type{{"PHONE", true}, {"CITY", false}}) {
		t.Errorf("%v, %v", types, err)
	}
	if got := FormatTypes(types); !reflect.DeepEqual(got, []string{"PHONE:pii", "CITY"}) {
		t.Errorf("formatted as %v", got)
	}
	if _, err := ParseTypes([]string{"PHONE:secret"}); err == nil {
		t.Error("an unknown flag was taken")
	}
}

func TestInside(t *testing.T) {
	set, err := NewSet([]Type{{Name: "X"}, {Name: "Y"}})
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"O": "O", "B-X": "I-X", "I-X": "I-X", "B-Y": "I-Y"} {
		id, _ := set.TagID(tag)
		if got := set.TagName(set.Inside(id)); got != want {
			t.Errorf("%s goes on as %s, not %s", tag, got, want)
		}
	}
}
