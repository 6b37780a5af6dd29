package wordpiece

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestLoadEqualsHuggingFace(t *testing.T) {
	b, err := Load(goldens + "tiny-distilbert")
	if err != nil {
		t.Fatal(err)
	}
	if b.Options().ModelMaxLength != 128 {
		t.Errorf("ModelMaxLength is %d, want 128", b.Options().ModelMaxLength)
	}
	for i, g := range readLines[golden](t, goldens+"tokenization.jsonl") {
		if got, err := b.Encode(g.Text); err != nil || !equal(got, g.encoding()) {
			t.Errorf("line %d: got %v, %v, want %v", i+1, got, err, g.encoding())
		}
	}
}

func TestSaveWritesWhatHuggingFaceWrites(t *testing.T) {
	b, err := Load(goldens + "tiny-distilbert")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := b.Save(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{vocabFile, tokenizerFile} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(goldens+"tiny-distilbert", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
			t.Errorf("%s differs from Hugging Face's", name)
		}
	}
}

func TestLoadGivesBackWhatSaveWrote(t *testing.T) {
	vocab := tiny(t).Vocabulary()
	yes, no := true, false
	for _, opts := range []Options{
		DefaultOptions(),
		{CleanText: true, MaxWordLength: 100},
		{Lowercase: true, StripAccents: &no, CleanText: true, HandleChineseChars: true, MaxWordLength: 100, ModelMaxLength: 64},
		{StripAccents: &yes, HandleChineseChars: true, MaxWordLength: 7},
	} {
		b, err := New(vocab, opts)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := b.Save(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again.Options(), opts) || !slices.Equal(again.Vocabulary().Pieces(), vocab.Pieces()) {
			t.Errorf("saved %+v, loaded %+v", opts, again.Options())
		}
	}
	b, err := New(vocab, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if b.Save(filepath.Join(t.TempDir(), "none")) == nil {
		t.Error("a missing folder: no error")
	}
}

// object is a JSON object that a test changes.
type object = map[string]any

// folder writes a model folder: tiny's files, each changed by a function, or left out if that returns nil. A file that tiny
// has not is made from nothing by its function.
func folder(t *testing.T, change map[string]func(object) object) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{vocabFile, tokenizerFile, configFile, modelFile, specialMapFile, addedFile} {
		data, err := os.ReadFile(filepath.Join(goldens+"tiny-distilbert", name))
		missing := errors.Is(err, fs.ErrNotExist)
		if missing && change[name] == nil {
			continue
		}
		if err != nil && !missing {
			t.Fatal(err)
		}
		if f := change[name]; f != nil {
			content := object{}
			if name != vocabFile && !missing {
				if err := json.Unmarshal(data, &content); err != nil {
					t.Fatal(err)
				}
			}
			if content = f(content); content == nil {
				continue
			}
			if data, err = json.MarshalIndent(content, "", " "); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func drop(object) object { return nil }

// with returns a change that sets some fields; a nil value deletes the field.
func with(fields object) func(object) object {
	return func(o object) object {
		maps.Copy(o, fields)
		maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
		return o
	}
}

// in returns a change of the object in a field.
func in(field string, fields object) func(object) object {
	return func(o object) object {
		o[field] = with(fields)(o[field].(object))
		return o
	}
}

// TestLoadTakesOptionsFromWhereTransformersDoes has what AutoTokenizer of transformers 5.12.1 makes of these folders.
func TestLoadTakesOptionsFromWhereTransformersDoes(t *testing.T) {
	cased := in("normalizer", object{"lowercase": false})
	bert, fast := with(object{"tokenizer_class": "BertTokenizer"}), with(object{"tokenizer_class": "PreTrainedTokenizerFast"})
	noClass := with(object{"tokenizer_class": nil})
	for _, c := range []struct {
		name                     string
		tokenizer, config, model func(object) object
		lowercase                bool
	}{
		{"BERT's class, no flag", cased, bert, nil, true},
		{"BERT's fast class, flag", nil, with(object{"tokenizer_class": "BertTokenizerFast", "do_lower_case": false}), nil, false},
		{"DistilBERT's class, flag", cased, with(object{"tokenizer_class": "DistilBertTokenizer", "do_lower_case": true}), nil, true},
		{"any tokenizer.json, flag", nil, with(object{"do_lower_case": false}), nil, true},
		{"any fast tokenizer, flag", cased, with(object{"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": true}), nil, false},
		{"no class, flag", nil, with(object{"tokenizer_class": nil, "do_lower_case": false}), nil, false},
		{"no class, no flag", cased, noClass, nil, true},
		{"no class, no config.json, flag", nil, with(object{"tokenizer_class": nil, "do_lower_case": false}), drop, true},
		{"no class, no config.json, no flag", cased, noClass, drop, false},
		{"no class, no model_type", cased, noClass, with(object{"model_type": nil}), false},
		{"no class, BERT's in config.json", cased, noClass, bert, true},
		{"no class, any fast one in config.json", cased, noClass, fast, false},
		{"BERT's class, any fast one in config.json", cased, bert, fast, true},
		{"any fast class, BERT's in config.json", cased, fast, bert, false},
		{"vocab.txt, flag", drop, with(object{"tokenizer_class": nil, "do_lower_case": false}), nil, false},
		{"vocab.txt, no flag", drop, bert, nil, true},
		{"vocab.txt, config.json", drop, drop, nil, true},
		{"tokenizer.json, config.json", cased, drop, nil, true},
		{"tokenizer.json, config.json of BERT's class", cased, drop, bert, true},
		{"tokenizer.json, config.json of any fast class", cased, drop, fast, false},
		{"tokenizer.json alone", cased, drop, drop, false},
		{"vocab.txt alone", drop, drop, drop, true},
	} {
		b, err := Load(folder(t, map[string]func(object) object{tokenizerFile: c.tokenizer, configFile: c.config, modelFile: c.model}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := b.Options().Lowercase; got != c.lowercase {
			t.Errorf("%s: lowercase %v, want %v", c.name, got, c.lowercase)
		}
	}
}

func TestLoadReadsTheLengthAsTransformersDoes(t *testing.T) {
	for _, c := range []struct {
		fields object
		want   int
	}{
		{object{"model_max_length": 64, "max_len": 77}, 64},
		{object{"model_max_length": nil, "max_len": 77}, 77},
		{object{"model_max_length": nil}, 0},
		{object{"model_max_length": 1e30}, 0},
	} {
		b, err := Load(folder(t, map[string]func(object) object{configFile: with(c.fields)}))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Options().ModelMaxLength; got != c.want {
			t.Errorf("%v: %d, want %d", c.fields, got, c.want)
		}
	}
}

func TestLoadReadsTemplateProcessing(t *testing.T) {
	token := func(kind, id string) object { return object{kind: object{"id": id, "type_id": 0}} }
	ids := func(cls, sep int) object {
		return object{"[CLS]": object{"ids": []int{cls}}, "[SEP]": object{"ids": []int{sep}}}
	}
	whole := []object{token("SpecialToken", "[CLS]"), token("Sequence", "A"), token("SpecialToken", "[SEP]")}
	template := func(special object, steps []object) string {
		processor := object{"type": "TemplateProcessing", "single": steps, "special_tokens": special}
		change := with(object{"post_processor": processor})
		return folder(t, map[string]func(object) object{tokenizerFile: change})
	}
	vocab := tiny(t).Vocabulary()
	cls, sep := int(vocab.Cls()), int(vocab.Sep())
	if _, err := Load(template(ids(cls, sep), whole)); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		special object
		steps   []object
		want    string
	}{
		{ids(cls, sep), whole[1:], "post_processor.single"},
		{ids(cls, 9), whole, "post_processor.special_tokens: the ids of [SEP]"},
		{object{}, whole, "post_processor.special_tokens: the ids of [CLS]"},
	} {
		if _, err := Load(template(c.special, c.steps)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %s, got: %v", c.want, err)
		}
	}
}

func TestLoadRefusesByName(t *testing.T) {
	added := func(fields object) func(object) object {
		return func(o object) object {
			token := with(fields)(object{"id": 4, "content": "[MASK]"})
			o["added_tokens"] = []any{token}
			return o
		}
	}
	for _, c := range []struct {
		file   string
		change func(object) object
		want   string
	}{
		{tokenizerFile, in("normalizer", object{"type": "NFKC"}), `normalizer.type: "NFKC"`},
		{tokenizerFile, with(object{"pre_tokenizer": object{"type": "Metaspace"}}), `pre_tokenizer.type: "Metaspace"`},
		{tokenizerFile, with(object{"pre_tokenizer": nil}), `pre_tokenizer.type: "null"`},
		{tokenizerFile, with(object{"post_processor": nil}), `post_processor: "null"`},
		{tokenizerFile, with(object{"post_processor": object{"type": "ByteLevel"}}), `post_processor.type: "ByteLevel"`},
		{tokenizerFile, in("post_processor", object{"cls": []any{"[CLS]", 9}}), "post_processor: cls and sep"},
		{tokenizerFile, in("post_processor", object{"cls": "[CLS]"}), "post_processor"},
		{tokenizerFile, in("model", object{"type": "BPE"}), `model.type: "BPE"`},
		{tokenizerFile, in("model", object{"unk_token": "<unk>"}), `model.unk_token: "<unk>"`},
		{tokenizerFile, in("model", object{"continuing_subword_prefix": "@@"}), `continuing_subword_prefix: "@@"`},
		{tokenizerFile, in("model", object{"max_input_chars_per_word": 0}), "max_input_chars_per_word"},
		{tokenizerFile, in("model", object{"vocab": object{"[UNK]": 0, "a": 7}}), "model.vocab"},
		{tokenizerFile, added(object{"lstrip": true}), "added_tokens[0]"},
		{tokenizerFile, added(object{"id": 5}), "added_tokens[0]"},
		{tokenizerFile, added(object{"id": 3000, "content": "<name>"}), `added_tokens[0].content: "<name>"`},
		{configFile, with(object{"tokenizer_class": "RobertaTokenizer"}), `"RobertaTokenizer"`},
		{configFile, with(object{"unk_token": object{"content": "<unk>"}}), `"<unk>"`},
		{configFile, with(object{"pad_token": 3}), "a special token must be"},
		{configFile, with(object{"do_lower_case": "yes"}), "line 4"},
		{configFile, with(object{"tokenizer_class": ""}), `the tokenizer_class ""`},
	} {
		_, err := Load(folder(t, map[string]func(object) object{c.file: c.change}))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("want an error with %s and %s, got: %v", c.file, c.want, err)
		}
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), vocabFile) {
		t.Errorf("an empty folder: %v", err)
	}
}
