package formats

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"pii/data"
	"pii/data/internal/rawjson"
)

// openCoNLL reads files with a token and its tag on each line, blank lines between sentences, as the shared task of CoNLL-2003
// has them (https://aclanthology.org/W03-0419): columns are apart by tabs, or by white space where a line has no tab. A sentence
// becomes a text, its tokens joined by single spaces. Lines that begin with -DOCSTART- only end a sentence. Before a sentence
// there may be comments as in CoNLL-U, "# name = value"; "# id = …" and "# sent_id = …" name the sentence.
//
// Tags are O or a prefix, a hyphen and a label. B, S and U begin a span; I, M, E and L go on with one of the same label, and begin
// one where there is none; S, U, E and L end it. So one rule reads IOB1, IOB2, BIOES, BILOU and BMES.
func openCoNLL(stream *data.Stream, opts Options) (source, error) {
	c := &conll{stream: stream, token: opts.TokenColumn, tag: opts.TagColumn}
	if c.token == 0 {
		c.token = 1
	}
	if c.tag == 0 {
		c.tag = -1
	}
	return c, nil
}

type conll struct {
	stream     *data.Stream
	token, tag int // columns
	any        bool
}

// sentence is a record in the making.
type sentence struct {
	record
	text   strings.Builder
	length int    // of text, in code points
	open   string // the label of the last span, if it may go on; "" if not
}

func (c *conll) next() (record, error) {
	s := sentence{record: record{labelled: true}}
	for {
		line, err := c.stream.ReadLine()
		if errors.Is(err, io.EOF) && s.length > 0 {
			return s.done(), nil
		}
		if errors.Is(err, io.EOF) && !c.any {
			return record{}, place{file: c.stream.Name, line: 1}.problem("is empty")
		}
		if err != nil {
			return record{}, err
		}
		where := place{file: c.stream.Name, line: c.stream.Line}
		if at := rawjson.InvalidUTF8(line); at >= 0 {
			return record{}, where.problem("byte %d of the line is not valid UTF-8", at+1)
		}
		c.any = true
		switch {
		case len(bytes.TrimSpace(line)) == 0, bytes.HasPrefix(line, []byte("-DOCSTART-")):
			if s.length > 0 {
				return s.done(), nil
			}
			s.id = "" // of a sentence without tokens
		case s.length == 0 && comment.Match(line):
			if id := sentenceID.FindSubmatch(line); id != nil {
				s.id = strings.TrimSpace(string(id[1]))
			}
		default:
			if err := c.add(&s, string(line), where); err != nil {
				return record{}, err
			}
		}
	}
}

var (
	comment    = regexp.MustCompile(`^# *[^ \t]+ = `)
	sentenceID = regexp.MustCompile(`^# *(?:sent_)?id = (.*)$`)
)

func (s *sentence) done() record {
	s.record.text = s.text.String()
	return s.record
}

// add puts a line's token and tag to a sentence.
func (c *conll) add(s *sentence, line string, where place) error {
	columns := strings.Fields(line)
	if strings.Contains(line, "\t") {
		columns = strings.Split(strings.TrimRight(line, " \t"), "\t")
	}
	if len(columns) < 2 {
		return where.problem("has one column, not a token and its tag")
	}
	token, ok := column(columns, c.token)
	tag, there := column(columns, c.tag)
	if !ok || !there {
		return where.problem("has %d columns, not those asked for, %d and %d", len(columns), c.token, c.tag)
	}
	if token = strings.TrimSpace(token); token == "" {
		return where.problem("has an empty token")
	}
	prefix, label, ok := parseTag(strings.TrimSpace(tag))
	if !ok {
		return where.problem("column %d is not a tag, neither O nor such as B-PERSON", c.tag)
	}
	if s.length == 0 {
		s.place = where
	} else {
		s.text.WriteByte(' ')
		s.length++
	}
	start := s.length
	s.text.WriteString(token)
	s.length += utf8.RuneCountInString(token)
	s.mark(start, prefix, label, where)
	return nil
}

// column gives a column by its number, from 1 or from the end with -1.
func column(columns []string, n int) (string, bool) {
	if n < 0 {
		n += len(columns) + 1
	}
	if n < 1 || n > len(columns) {
		return "", false
	}
	return columns[n-1], true
}

func parseTag(tag string) (prefix byte, label string, ok bool) {
	if tag == "O" {
		return 'O', "", true
	}
	if len(tag) < 3 || tag[1] != '-' || !strings.ContainsRune("BIESLUM", rune(tag[0])) {
		return 0, "", false
	}
	return tag[0], tag[2:], true
}

// mark begins or continues a span with the token that was just added.
func (s *sentence) mark(start int, prefix byte, label string, where place) {
	switch {
	case prefix == 'O':
		s.open = ""
		return
	case strings.IndexByte("IEML", prefix) >= 0 && s.open == label:
		s.spans[len(s.spans)-1].end = s.length
	default:
		s.spans = append(s.spans, span{place: where, start: start, end: s.length, label: label})
	}
	s.open = label
	if strings.IndexByte("ESLU", prefix) >= 0 {
		s.open = ""
	}
}
