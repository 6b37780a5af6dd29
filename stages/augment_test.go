package stages

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pii/labels"
	"pii/torchmodel"
	"pii/wordpiece"
)

func augmentFixture(t *testing.T, cfg *Config) (*augmenter, []Example) {
	t.Helper()
	set, err := labels.NewSet([]labels.Type{{Name: "X"}, {Name: "Y"}})
	if err != nil {
		t.Fatal(err)
	}
	// The tags are O 0, B-X 1, I-X 2, B-Y 3, I-Y 4.
	examples := []Example{
		{InputIDs: []int32{2, 10, 11, 12, 3}, Labels: []int64{-100, 0, 1, 2, -100}},
		{InputIDs: []int32{2, 21, 20, 22, 3}, Labels: []int64{-100, 1, 0, 3, -100}},
		{InputIDs: []int32{2, 30, 31, 32, 33, 3}, Labels: []int64{-100, 2, 0, 3, 4, -100}}, // a window cut its first span off
	}
	return newAugmenter(cfg, set, pieceVocabulary(t), examples), examples
}

// pieceVocabulary has 40 pieces after the special tokens, whose last, [MASK], is 4; 11 is made of 12 and 13, and 20 of 12, 13 and 13.
func pieceVocabulary(t *testing.T) *wordpiece.Vocabulary {
	t.Helper()
	list := wordpiece.SpecialTokens()
	for len(list) < 45 {
		list = append(list, fmt.Sprint("+", len(list)))
	}
	list[11], list[12], list[13], list[20] = "ab", "a", "##b", "abb"
	vocabulary, err := wordpiece.NewVocabulary(list)
	if err != nil {
		t.Fatal(err)
	}
	return vocabulary
}

func TestPiecesFallIntoSmallerOnes(t *testing.T) {
	a, _ := augmentFixture(t, &Config{PieceDropout: 1, MaxLength: 9, LabelAllTokens: true})
	row := torchmodel.Row{IDs: []int32{2, 11, 9, 20, 3}, Tags: []int64{-100, 1, 0, 0, -100}}
	want := torchmodel.Row{IDs: []int32{2, 12, 13, 9, 11, 13, 3}, Tags: []int64{-100, 1, 2, 0, 0, 0, -100}}
	random := rand.New(rand.NewPCG(1, 0))
	if got := a.rows([]torchmodel.Row{row}, random)[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("all that can fall apart gives %v", got)
	}
	a.labelAll = false
	want.Tags = []int64{-100, 1, -100, 0, 0, -100, -100}
	if got := a.rows([]torchmodel.Row{row}, random)[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("where first pieces alone have tags it gives %v", got)
	}
	a.maxLength = 5
	if got := a.rows([]torchmodel.Row{row}, random)[0]; !reflect.DeepEqual(got, row) {
		t.Errorf("a row as long as the window becomes %v", got)
	}
}

func rowOf(e Example) torchmodel.Row { return torchmodel.Row{IDs: e.InputIDs, Tags: e.Labels} }

func TestMentionsAreReplacedByOthersOfTheirType(t *testing.T) {
	a, examples := augmentFixture(t, &Config{MentionReplacement: 1, MaxLength: 6})
	want := map[string][]torchmodel.Row{
		"X": {{IDs: []int32{11, 12}, Tags: []int64{1, 2}}, {IDs: []int32{21}, Tags: []int64{1}}},
		"Y": {{IDs: []int32{22}, Tags: []int64{3}}, {IDs: []int32{32, 33}, Tags: []int64{3, 4}}}}
	if !reflect.DeepEqual(a.mentions, want) {
		t.Fatalf("the mentions are %v", a.mentions)
	}
	before := slices.Clone(examples[1].InputIDs)
	seen := map[string]bool{}
	for seed := range uint64(50) {
		row := a.rows([]torchmodel.Row{rowOf(examples[1])}, rand.New(rand.NewPCG(seed, 0)))[0]
		if len(row.IDs) > 6 || len(row.IDs) != len(row.Tags) {
			t.Fatalf("row %v has tags %v", row.IDs, row.Tags)
		}
		var types []string
		for _, m := range mentionsOf(a.set, row.Tags) {
			if !slices.ContainsFunc(want[m.label], func(r torchmodel.Row) bool { return slices.Equal(r.IDs, row.IDs[m.first:m.end]) }) {
				t.Fatalf("%v is no mention of type %s", row.IDs[m.first:m.end], m.label)
			}
			types = append(types, m.label)
			seen[m.label+string(rune(row.IDs[m.first]))] = true
		}
		if !slices.Equal(types, []string{"X", "Y"}) || !slices.Contains(row.IDs, 20) {
			t.Fatalf("row %v has mentions of %v", row.IDs, types)
		}
	}
	if len(seen) != 4 {
		t.Errorf("of four mentions %d were seen", len(seen))
	}
	if !slices.Equal(before, examples[1].InputIDs) {
		t.Error("the example was changed")
	}
}

// TestUnlabelledPiecesGoWithTheirMention has words of several pieces, of which only the first has a tag.
func TestUnlabelledPiecesGoWithTheirMention(t *testing.T) {
	a, _ := augmentFixture(t, &Config{})
	examples := []Example{
		{InputIDs: []int32{2, 9, 11, 12, 13, 20, 3}, Labels: []int64{-100, -100, 1, -100, 2, 0, -100}}, // begins within a word
		{InputIDs: []int32{2, 20, 21, 22, 3}, Labels: []int64{-100, 0, 1, -100, -100}},
	}
	a = newAugmenter(&Config{MentionReplacement: 1, MaxLength: 9}, a.set, pieceVocabulary(t), examples)
	want := []torchmodel.Row{{IDs: []int32{11, 12, 13}, Tags: []int64{1, -100, 2}}, {IDs: []int32{21, 22}, Tags: []int64{1, -100}}}
	if !reflect.DeepEqual(a.mentions["X"], want) {
		t.Fatalf("the mentions are %v", a.mentions)
	}
	for seed := range uint64(20) {
		row := a.rows([]torchmodel.Row{rowOf(examples[1])}, rand.New(rand.NewPCG(seed, 0)))[0]
		whole := slices.Equal(row.IDs, []int32{2, 20, 11, 12, 13, 3}) && slices.Equal(row.Tags, []int64{-100, 0, 1, -100, 2, -100})
		same := slices.Equal(row.IDs, examples[1].InputIDs) && slices.Equal(row.Tags, examples[1].Labels)
		if !whole && !same {
			t.Fatalf("%v with tags %v", row.IDs, row.Tags)
		}
	}
}

func TestHiddenTokensAreOfTheText(t *testing.T) {
	a, examples := augmentFixture(t, &Config{WordDropout: 0.5, MaxLength: 8})
	hidden := 0
	for seed := range uint64(100) {
		row := a.rows([]torchmodel.Row{rowOf(examples[2])}, rand.New(rand.NewPCG(seed, 0)))[0]
		for i, id := range row.IDs {
			if id == examples[2].InputIDs[i] {
				continue
			}
			if hidden++; id != 4 || row.Tags[i] == labels.Ignored {
				t.Fatalf("%v became %v", examples[2].InputIDs, row.IDs)
			}
		}
	}
	if hidden < 150 || hidden > 250 { // of 400
		t.Errorf("%d of 400 tokens were hidden", hidden)
	}
}

func TestNothingIsChangedWhereNothingIsAsked(t *testing.T) {
	a, examples := augmentFixture(t, &Config{MaxLength: 8})
	for _, e := range examples {
		row := a.rows([]torchmodel.Row{rowOf(e)}, rand.New(rand.NewPCG(1, 1)))[0]
		if !slices.Equal(row.IDs, e.InputIDs) || !slices.Equal(row.Tags, e.Labels) {
			t.Errorf("%v became %v", e.InputIDs, row.IDs)
		}
	}
}

func TestApart(t *testing.T) {
	a, examples := augmentFixture(t, &Config{})
	if !apart(a.set, examples) {
		t.Error("spans that do not touch were taken for touching ones")
	}
	neighbours := Example{InputIDs: []int32{2, 5, 6, 7, 3}, Labels: []int64{-100, 1, 3, 4, -100}}
	if !apart(a.set, append(examples, neighbours)) {
		t.Error("spans of two types were taken for one type")
	}
	neighbours.Labels = []int64{-100, 1, 2, 1, -100}
	if apart(a.set, append(examples, neighbours)) {
		t.Error("spans of one type that touch were overlooked")
	}
}
