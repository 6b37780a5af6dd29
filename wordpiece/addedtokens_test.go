package wordpiece

import (
	"strings"
	"testing"
)

// fiveAdded are the special tokens of tiny as transformers 4 writes them into tokenizer_config.json.
func fiveAdded(t *testing.T) object {
	t.Helper()
	added := object{}
	for id, token := range tiny(t).Vocabulary().Pieces()[:5] {
		added[string(rune('0'+id))] = object{"content": token, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
	}
	return added
}

// TestLoadTakesTheSpecialTokensOfRealFolders has what the models on the hub, and those that transformers saves, have.
func TestLoadTakesTheSpecialTokensOfRealFolders(t *testing.T) {
	named := object{
		"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
		"mask_token": object{"content": "[MASK]", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false},
	}
	noNames := func(object) object { return object{"do_lower_case": true, "model_max_length": 512} }
	noAdded := with(object{"added_tokens": []any{}})
	lists := with(object{"additional_special_tokens": []any{}, "extra_special_tokens": object{}})
	for _, c := range []struct {
		name   string
		change map[string]func(object) object
	}{
		{"no names", map[string]func(object) object{configFile: noNames}},
		{"no names, vocab.txt", map[string]func(object) object{configFile: noNames, tokenizerFile: drop}},
		{"empty lists", map[string]func(object) object{configFile: lists}},
		{"BERT's in lists", map[string]func(object) object{configFile: with(object{
			"additional_special_tokens": []any{"[CLS]", object{"content": "[SEP]"}}, "bos_token": "[CLS]", "eos_token": nil,
		})}},
		{"a setting", map[string]func(object) object{configFile: with(object{"add_bos_token": false, "split_special_tokens": false})}},
		{"named in special_tokens_map.json only", map[string]func(object) object{
			tokenizerFile: noAdded, configFile: with(object{"mask_token": nil}), specialMapFile: with(named),
		}},
		{"added_tokens_decoder", map[string]func(object) object{
			configFile: with(object{"added_tokens_decoder": fiveAdded(t)}), specialMapFile: with(named),
		}},
		{"added_tokens_decoder goes before the older files", map[string]func(object) object{
			configFile:     with(object{"added_tokens_decoder": fiveAdded(t)}),
			specialMapFile: with(object{"mask_token": "<mask>"}), addedFile: with(object{"<x>": 3000}),
		}},
		{"added_tokens.json", map[string]func(object) object{addedFile: with(object{"[PAD]": 0})}},
		{"empty added_tokens.json", map[string]func(object) object{addedFile: with(object{})}},
	} {
		if _, err := Load(folder(t, c.change)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestLoadRefusesAddedTokens has folders in which transformers 5.12.1 finds other tokens than BERT's five, or finds these
// in other places.
func TestLoadRefusesAddedTokens(t *testing.T) {
	added := func(id string, token object) func(object) object {
		return with(object{"added_tokens_decoder": object{id: token}})
	}
	null := func(key string) func(object) object {
		return func(o object) object { o[key] = nil; return o }
	}
	for _, c := range []struct {
		file   string
		change func(object) object
		want   string
	}{
		{configFile, with(object{"additional_special_tokens": []any{"<x>"}}), `additional_special_tokens: the special token "<x>"`},
		{configFile, with(object{"extra_special_tokens": []any{object{"content": "<x>"}}}), `extra_special_tokens: the special token "<x>"`},
		{configFile, with(object{"extra_special_tokens": object{"image": "<x>"}}), `extra_special_tokens: the special token "<x>"`},
		{configFile, with(object{"extra_special_tokens": 3}), "extra_special_tokens: it must be a list"},
		{configFile, with(object{"bos_token": "hello"}), `bos_token: the special token "hello"`},
		{configFile, with(object{"image_token": "<x>"}), `image_token: the special token "<x>"`},
		{configFile, with(object{"mask_token": object{"content": "[MASK]", "lstrip": true}}), "mask_token: single_word, lstrip"},
		{configFile, with(object{"split_special_tokens": true}), "split_special_tokens"},
		{configFile, added("3000", object{"content": "<x>"}), `added_tokens_decoder[3000]: the special token "<x>"`},
		{configFile, added("7", object{"content": "[MASK]"}), `added_tokens_decoder: the added token "[MASK]" with id 7`},
		{configFile, added("4", object{"content": "[MASK]", "rstrip": true}), "added_tokens_decoder[4]: single_word, lstrip"},
		{configFile, added("4", object{"content": "[MASK]", "normalized": true}), "added_tokens_decoder[4]: single_word, lstrip"},
		{specialMapFile, with(object{"mask_token": "hello"}), `mask_token: the special token "hello"`},
		{specialMapFile, with(object{"additional_special_tokens": []any{"<x>"}}), `"<x>"`},
		{addedFile, with(object{"<x>": 3000}), `the added token "<x>" with id 3000`},
		{addedFile, with(object{"[mask]": 4}), `the added token "[mask]" with id 4 is not named`},
		{addedFile, with(object{"[MASK]": 7}), `the added token "[MASK]" with id 7`},
		{addedFile, with(object{"[MASK]": "4"}), "line 2"},
	} {
		for _, vocabulary := range []string{tokenizerFile, vocabFile} {
			change := map[string]func(object) object{c.file: c.change}
			if vocabulary == vocabFile {
				change[tokenizerFile] = drop
				change[configFile] = func(o object) object {
					if o["tokenizer_class"] = "BertTokenizer"; c.file == configFile {
						return c.change(o)
					}
					return o
				}
			}
			_, err := Load(folder(t, change))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
				t.Errorf("%s: want an error with %s and %s, got: %v", vocabulary, c.want, c.file, err)
			}
		}
	}
	for name, change := range map[string]map[string]func(object) object{
		"vocab.txt":      {tokenizerFile: drop, modelFile: drop, configFile: func(object) object { return null("mask_token")(object{}) }},
		"tokenizer.json": {tokenizerFile: with(object{"added_tokens": []any{}}), configFile: with(object{"mask_token": nil})},
	} {
		if _, err := Load(folder(t, change)); err == nil || !strings.Contains(err.Error(), name+": [MASK] is not made a special token") {
			t.Errorf("%s: a [MASK] that is no special token: %v", name, err)
		}
	}
}
