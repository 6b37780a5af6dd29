package wordpiece

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// specialToken is a special token in a configuration, which is a string or an object.
type specialToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
}

var errNoToken = errors.New("a special token must be a string or an object with its content")

// UnmarshalJSON reads "[SEP]", {"content": "[SEP]"} or null, which leaves the content empty.
func (t *specialToken) UnmarshalJSON(data []byte) error {
	*t = specialToken{}
	if err := json.Unmarshal(data, &t.Content); err == nil {
		return nil
	}
	type object specialToken // has no UnmarshalJSON
	if err := json.Unmarshal(data, (*object)(t)); err != nil {
		return errNoToken
	}
	return nil
}

// check refuses a token that is not BERT's, or not found in a text the way BERT's are.
func (t specialToken) check() error {
	if t.Content != "" && !slices.Contains(SpecialTokens(), t.Content) {
		return fmt.Errorf("the special token %q is not supported", t.Content)
	}
	if t.SingleWord || t.LStrip || t.RStrip || t.Normalized {
		return errors.New("single_word, lstrip, rstrip and normalized are supported as false only")
	}
	return nil
}

// specialKeys are the names of BERT's special tokens in a configuration, in the order of SpecialTokens.
var specialKeys = []string{"pad_token", "unk_token", "cls_token", "sep_token", "mask_token"}

// specialNames returns the special tokens that a tokenizer_config.json or special_tokens_map.json names. Every name that
// ends in _token is one to transformers, and what it names is found in texts, whatever it is for.
func specialNames(path string, fields map[string]json.RawMessage) (map[string]string, error) {
	names := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var err error
		if key == "additional_special_tokens" || key == "extra_special_tokens" {
			err = checkExtra(fields[key])
		} else if strings.HasSuffix(key, "_token") {
			names[key], err = specialName(key, fields[key])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, key, err)
		}
	}
	return names, nil
}

func specialName(key string, data json.RawMessage) (string, error) {
	var token specialToken
	place := slices.Index(specialKeys, key)
	if err := json.Unmarshal(data, &token); err != nil {
		if place < 0 {
			return "", nil // a setting, such as add_bos_token
		}
		return "", err
	}
	if place >= 0 && token.Content != "" && token.Content != SpecialTokens()[place] {
		return "", fmt.Errorf("the special token %q is not supported; only %s is", token.Content, SpecialTokens()[place])
	}
	return token.Content, token.check()
}

// checkExtra checks a list of special tokens, or an object with special tokens by their names.
func checkExtra(data json.RawMessage) error {
	var list []specialToken
	if err := json.Unmarshal(data, &list); err != nil {
		var byName map[string]specialToken
		if err := json.Unmarshal(data, &byName); err != nil {
			return errors.New("it must be a list of special tokens, or an object of them")
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			list = append(list, byName[name])
		}
	}
	for _, token := range list {
		if err := token.check(); err != nil {
			return err
		}
	}
	return nil
}

// addedIDs are the tokens that a file adds to those of tokenizer.json or vocab.txt, by their ids as they are written.
type addedIDs struct {
	where string // the file, and the field of it
	ids   map[string]string
}

// check refuses tokens that are not the vocabulary's special ones with the same ids.
func (a addedIDs) check(vocab *Vocabulary) error {
	for _, id := range slices.Sorted(maps.Keys(a.ids)) {
		token := a.ids[id]
		known, ok := vocab.ID(token)
		if !ok || strconv.Itoa(int(known)) != id || !slices.Contains(SpecialTokens(), token) {
			return fmt.Errorf("%s: the added token %q with id %s is not supported", a.where, token, id)
		}
	}
	return nil
}

// readAdded reads the tokens of added_tokens_decoder or, where tokenizer_config.json has none, what transformers reads in
// its place: special_tokens_map.json and added_tokens.json.
func (c *tokenizerConfig) readAdded(dir string) error {
	c.added = addedIDs{where: c.path + ": added_tokens_decoder", ids: map[string]string{}}
	if c.Added != nil {
		for _, id := range slices.Sorted(maps.Keys(c.Added)) {
			token := c.Added[id]
			if err := token.check(); err != nil {
				return fmt.Errorf("%s[%s]: %w", c.added.where, id, err)
			}
			c.added.ids[id] = token.Content
		}
		return nil
	}
	path := filepath.Join(dir, specialMapFile)
	fields, err := readFields(path, nil)
	if err != nil {
		return err
	}
	names, err := specialNames(path, fields)
	if err != nil {
		return err
	}
	maps.Copy(c.named, names)
	c.added.where = filepath.Join(dir, addedFile)
	var added map[string]int
	if _, err := readFields(c.added.where, &added); err != nil {
		return err
	}
	for _, token := range slices.Sorted(maps.Keys(added)) {
		id := strconv.Itoa(added[token])
		if !slices.Contains(slices.Collect(maps.Values(c.named)), token) {
			// Transformers adds such a token as a word, and finds it in the normalised text.
			return fmt.Errorf("%s: the added token %q with id %s is not named as a special one", c.added.where, token, id)
		}
		c.added.ids[id] = token
	}
	return nil
}

// checkSpecial refuses a folder in which one of BERT's special tokens is a piece like any other. A special token is one that
// is added or named; BERT's classes name it where no file does.
func (c *tokenizerConfig) checkSpecial(path string, bert bool, file *tokenizerJSON) error {
	added := slices.Collect(maps.Values(c.added.ids))
	if file != nil {
		for _, token := range file.AddedTokens {
			added = append(added, token.Content)
		}
	}
	for i, token := range SpecialTokens() {
		name, given := c.named[specialKeys[i]]
		if name == "" && (given || !bert) && !slices.Contains(added, token) {
			return fmt.Errorf("%s: %s is not made a special token, by added_tokens or as %s of %s",
				path, token, specialKeys[i], configFile)
		}
	}
	return nil
}
