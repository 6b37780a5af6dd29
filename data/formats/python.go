package formats

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// pythonToJSON turns what Python prints for lists and dicts of strings and numbers into JSON. JSON itself comes through. As
// numpy prints arrays without commas, commas between items may be missing.
func pythonToJSON(text string) ([]byte, error) {
	if json.Valid([]byte(text)) {
		return []byte(text), nil
	}
	p := pythonParser{text: text}
	if err := p.value(0); err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, p.wrong("goes on after the value")
	}
	return []byte(p.out.String()), nil
}

// pythonError says what is wrong, and where, without quoting.
type pythonError struct {
	character int // from 1
	message   string
}

func (e *pythonError) Error() string {
	return fmt.Sprintf("at character %d it %s", e.character, e.message)
}

type pythonParser struct {
	text string
	at   int // in bytes
	out  strings.Builder
}

func (p *pythonParser) wrong(message string) error {
	return &pythonError{utf8.RuneCountInString(p.text[:p.at]) + 1, message}
}

func (p *pythonParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take reads a byte if it is the next one after white space.
func (p *pythonParser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

// deepest is how far lists and dicts may be nested.
const deepest = 100

var pythonWord = regexp.MustCompile(`^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|True|False|None)\b`)

func (p *pythonParser) value(depth int) error {
	p.space()
	switch {
	case depth > deepest:
		return p.wrong("is nested too deep")
	case p.at == len(p.text):
		return p.wrong("ends too early")
	case p.take('['):
		return p.items('[', ']', func() error { return p.value(depth + 1) })
	case p.take('{'):
		return p.items('{', '}', func() error { return p.member(depth) })
	case p.text[p.at] == '\'' || p.text[p.at] == '"':
		return p.quoted()
	}
	word := pythonWord.FindString(p.text[p.at:])
	if word == "" {
		return p.wrong("is neither a list, a dict, a string nor a number")
	}
	p.at += len(word)
	switch word {
	case "True", "False":
		word = strings.ToLower(word)
	case "None":
		word = "null"
	}
	p.out.WriteString(word)
	return nil
}

func (p *pythonParser) items(open, end byte, item func() error) error {
	p.out.WriteByte(open)
	for n := 0; !p.take(end); n++ {
		if n > 0 {
			p.out.WriteByte(',')
		}
		if err := item(); err != nil {
			return err
		}
		p.take(',')
	}
	p.out.WriteByte(end)
	return nil
}

func (p *pythonParser) member(depth int) error {
	p.space()
	if p.at == len(p.text) || (p.text[p.at] != '\'' && p.text[p.at] != '"') {
		return p.wrong("has no key in quotes")
	}
	if err := p.quoted(); err != nil {
		return err
	}
	if !p.take(':') {
		return p.wrong("has no colon after a key")
	}
	p.out.WriteByte(':')
	return p.value(depth + 1)
}

// quoted reads a string in either kind of quotes.
func (p *pythonParser) quoted() error {
	quote := p.text[p.at]
	p.at++
	var s strings.Builder
	for p.at < len(p.text) && p.text[p.at] != quote {
		if p.text[p.at] != '\\' {
			s.WriteByte(p.text[p.at])
			p.at++
			continue
		}
		r, err := p.escape()
		if err != nil {
			return err
		}
		s.WriteString(r)
	}
	if !p.take(quote) {
		return p.wrong("ends within a string")
	}
	encoded, err := json.Marshal(s.String())
	p.out.Write(encoded)
	return err
}

// hexEscapes are the escapes with a code of so many hexadecimal digits.
var hexEscapes = map[byte]int{'x': 2, 'u': 4, 'U': 8}

var plainEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v",
	'\\': "\\", '\'': "'", '"': "\""}

func (p *pythonParser) escape() (string, error) {
	if p.at+1 == len(p.text) {
		return "", p.wrong("ends within an escape")
	}
	kind := p.text[p.at+1]
	if plain, ok := plainEscapes[kind]; ok {
		p.at += 2
		return plain, nil
	}
	digits, ok := hexEscapes[kind]
	if !ok || p.at+2+digits > len(p.text) {
		return "", p.wrong("has an escape that repr does not write")
	}
	code, err := strconv.ParseUint(p.text[p.at+2:p.at+2+digits], 16, 32)
	if err != nil || code > utf8.MaxRune || utf16.IsSurrogate(rune(code)) {
		return "", p.wrong("has an escape that is no character")
	}
	p.at += 2 + digits
	return string(rune(code)), nil
}
