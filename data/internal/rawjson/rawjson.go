// Package rawjson walks over JSON that is known to be valid, without copying it: a record may be long.
package rawjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind names the kind of a JSON value by its first byte.
func Kind(raw []byte) string {
	switch {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '"':
		return "a string"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "an array"
	case raw[0] == 't' || raw[0] == 'f':
		return "a truth value"
	case raw[0] == 'n':
		return "null"
	}
	return "a number"
}

// Members gives the keys, in their quotes, and values of an object, in order.
func Members(raw []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		at := skipTo(raw, 0, '{') + 1
		for {
			at = skipSpace(raw, at)
			if at >= len(raw) || raw[at] == '}' {
				return
			}
			keyEnd := skipValue(raw, at)
			value := skipSpace(raw, skipTo(raw, keyEnd, ':')+1)
			valueEnd := skipValue(raw, value)
			if !yield(raw[at:keyEnd], raw[value:valueEnd]) {
				return
			}
			at = skipComma(raw, valueEnd)
		}
	}
}

// Values gives the values of an array, in order.
func Values(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		at := skipTo(raw, 0, '[') + 1
		for {
			at = skipSpace(raw, at)
			if at >= len(raw) || raw[at] == ']' {
				return
			}
			end := skipValue(raw, at)
			if !yield(raw[at:end]) {
				return
			}
			at = skipComma(raw, end)
		}
	}
}

func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\n' || raw[at] == '\r') {
		at++
	}
	return at
}

func skipTo(raw []byte, at int, c byte) int {
	for at < len(raw) && raw[at] != c {
		at++
	}
	return at
}

func skipComma(raw []byte, at int) int {
	at = skipSpace(raw, at)
	if at < len(raw) && raw[at] == ',' {
		at++
	}
	return at
}

// skipValue gives where the value that begins at an index ends.
func skipValue(raw []byte, at int) int {
	for depth := 0; at < len(raw); {
		switch raw[at] {
		case '"':
			at = skipString(raw, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\t', '\n', '\r':
			at++
			continue // only within an object or array
		default:
			for at < len(raw) && !strings.ContainsRune(",:]} \t\n\r", rune(raw[at])) {
				at++
			}
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

func skipString(raw []byte, at int) int {
	for at++; at < len(raw) && raw[at] != '"'; at++ {
		if raw[at] == '\\' {
			at++
		}
	}
	return min(at+1, len(raw))
}

// Unquote decodes a JSON string. Unlike encoding/json it does not replace half of a surrogate pair in silence.
func Unquote(raw []byte) (string, error) {
	for at := 0; at+5 < len(raw); at++ {
		if raw[at] != '\\' {
			continue
		}
		at++
		if raw[at] != 'u' {
			continue
		}
		code := escaped(raw, at-1)
		if !utf16.IsSurrogate(code) {
			continue
		}
		if utf16.DecodeRune(code, escaped(raw, at+5)) == '�' {
			return "", fmt.Errorf(`has half of a surrogate pair (\u%04x), which is no character`, code)
		}
		at += 6
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errors.New("is not a valid JSON string") // encoding/json's own words may quote the text
	}
	return s, nil
}

// escaped gives the code of the escape \uXXXX at an index, 0 where there is none.
func escaped(raw []byte, at int) rune {
	if at+6 > len(raw) || raw[at] != '\\' || raw[at+1] != 'u' {
		return 0
	}
	code, err := strconv.ParseUint(string(raw[at+2:at+6]), 16, 32)
	if err != nil {
		return 0
	}
	return rune(code)
}

// InvalidUTF8 gives the index of the first byte that is not UTF-8, -1 where there is none: encoding/json passes over them.
func InvalidUTF8(raw []byte) int {
	if utf8.Valid(raw) {
		return -1
	}
	at := 0
	for r, size := utf8.DecodeRune(raw); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRune(raw[at:]) {
		at += size
	}
	return at
}
