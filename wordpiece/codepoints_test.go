package wordpiece

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"testing"
)

// TestEveryCodePoint holds every code point against Hugging Face's tokenizers 0.23.1; see testdata/codepoints.py.
func TestEveryCodePoint(t *testing.T) {
	const want = "f90a1148853bd28e111f16e0c2e6cf978c8005ff2f46dcc67e93aaee26ef93d0"
	yes, no := true, false
	steps := []Options{
		{CleanText: true, StripAccents: &no},
		{HandleChineseChars: true, StripAccents: &no},
		{StripAccents: &yes},
		{Lowercase: true, StripAccents: &no},
	}
	digest := sha256.New()
	s := &scratch{}
	for code := rune(0); code <= 0x10FFFF; code++ {
		if 0xD800 <= code && code < 0xE000 {
			continue
		}
		line := strconv.AppendInt(nil, int64(code), 16)
		for i, step := range steps {
			if i == 2 {
				line = appendHex(append(line, ' '), decompose([]char{{code, 0}}, nil))
			}
			s.chars = append(s.chars[:0], char{code, 0})
			line = appendHex(append(line, ' '), step.normalize(s))
		}
		line = strconv.AppendInt(append(line, ' '), countWords([]char{{'a', 0}, {code, 1}, {'b', 2}}), 10)
		line = appendHex(append(line, ' '), decompose([]char{{0x345, 0}, {code, 1}}, nil))
		digest.Write(append(line, '\n'))
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != want {
		t.Errorf("the digest of all code points is %s, Hugging Face's is %s", got, want)
	}
}

func countWords(chars []char) (n int64) {
	for word, rest := nextWord(chars); len(word) > 0; word, rest = nextWord(rest) {
		n++
	}
	return n
}

func appendHex(line []byte, chars []char) []byte {
	line = append(line, '[')
	for i, c := range chars {
		if i > 0 {
			line = append(line, '-')
		}
		line = strconv.AppendInt(line, int64(c.r), 16)
	}
	return append(line, ']')
}
