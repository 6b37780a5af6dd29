package wordpiece

import (
	"sort"
	"strings"
)

// specials finds special tokens in a text, which are matched as they are written, before normalisation.
type specials struct {
	starts [256]bool // the bytes with which a special token starts
	tokens []special // longest first: at one place the longest wins
}

type special struct {
	text string
	id   int32
}

func newSpecials(vocab *Vocabulary) specials {
	var s specials
	for _, token := range SpecialTokens() {
		id, _ := vocab.ID(token)
		s.tokens = append(s.tokens, special{token, id})
		s.starts[token[0]] = true
	}
	sort.SliceStable(s.tokens, func(i, j int) bool { return len(s.tokens[i].text) > len(s.tokens[j].text) })
	return s
}

// match returns the special token with which text starts and its length in bytes, 0 if there is none.
func (s *specials) match(text string) (id int32, length int) {
	if !s.starts[text[0]] {
		return 0, 0
	}
	for _, token := range s.tokens {
		if strings.HasPrefix(text, token.text) {
			return token.id, len(token.text)
		}
	}
	return 0, 0
}
