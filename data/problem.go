package data

import (
	"fmt"
	"strings"
)

// Problem is what is wrong with a file of transcripts, and where. It never quotes a transcript's text.
type Problem struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`  // from 1; 0 where the file as a whole is meant
	Field string `json:"field,omitempty"` // such as "entities[2].end"
	Msg   string `json:"message"`

	cause error
}

// Error gives "file:line: field: message", without the parts that are not known.
func (p *Problem) Error() string {
	var s strings.Builder
	s.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&s, ":%d", p.Line)
	}
	if p.Field != "" {
		s.WriteString(": " + p.Field)
	}
	s.WriteString(": " + p.Msg)
	return s.String()
}

// Unwrap gives the operating system's error, where there was one.
func (p *Problem) Unwrap() error { return p.cause }
