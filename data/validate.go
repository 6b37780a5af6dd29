package data

import (
	"errors"
	"io"
	"unicode/utf8"
)

// Summary counts what is in a file of transcripts.
type Summary struct {
	Lines      int            `json:"lines"`      // that are not blank
	Labelled   int            `json:"labelled"`   // lines with the field "entities"
	Characters int            `json:"characters"` // Unicode code points of all texts
	Spans      map[string]int `json:"spans"`      // by label
	Askew      int            `json:"askew"`      // spans that begin or end inside a word or with white space: see Transcript.Askew
	Problems   int            `json:"problems"`

	FirstAskew int `json:"-"` // the line of the first of them
}

// Validate reads a file to its end, whatever its lines are like, and hands every problem to report, several of a line too.
// Its error says that the file could not be read to its end; such a problem is reported and counted as well. The summary
// counts only lines without problems, but for Lines and Problems.
func Validate(path string, opts Options, report func(*Problem)) (Summary, error) {
	sum := Summary{Spans: map[string]int{}}
	fail := func(err error) (Summary, error) {
		var problem *Problem
		if errors.As(err, &problem) {
			sum.Problems++
			report(problem)
		}
		return sum, err
	}
	r, err := Open(path, opts)
	if err != nil {
		return fail(err)
	}
	for {
		t, problems, err := r.next()
		if errors.Is(err, io.EOF) {
			return sum, r.Close()
		}
		if err != nil {
			r.Close() // the file was only read; the first error counts
			return fail(err)
		}
		sum.add(t, problems)
		for _, problem := range problems {
			report(problem)
		}
	}
}

func (s *Summary) add(t Transcript, problems []*Problem) {
	s.Lines++
	s.Problems += len(problems)
	if len(problems) > 0 {
		return
	}
	if t.Labelled {
		s.Labelled++
	}
	if n := len(t.Askew()); n > 0 {
		if s.Askew == 0 {
			s.FirstAskew = t.Line
		}
		s.Askew += n
	}
	s.Characters += utf8.RuneCountInString(t.Text)
	for _, span := range t.Entities {
		s.Spans[span.Label]++
	}
}
