package formats

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"pii/data"
)

// Importer reads a file of another tool as transcripts, one at a time.
type Importer struct {
	opts   Options
	source source
	stem   string           // what made-up ids begin with
	ids    map[[16]byte]int // hashes of the ids given, and how many others were made of each
	report Report

	transcripts, spans reasons
	renames            map[[2]string]int
}

// NewImporter reads a stream in one of the formats that Importable lists.
func NewImporter(stream *data.Stream, name string, opts Options) (*Importer, error) {
	f, err := find(name)
	if err != nil {
		return nil, err
	}
	if opts.Merge == nil {
		opts.Merge = f.merge
	}
	source, err := f.open(stream, opts)
	if err != nil {
		return nil, err
	}
	return &Importer{opts: opts, source: source, stem: stem(stream.Name), ids: map[[16]byte]int{},
		report: Report{Format: name, Input: stream.Name}, transcripts: reasons{}, spans: reasons{}, renames: map[[2]string]int{}}, nil
}

// stem is a file's name without folder and endings.
func stem(name string) string {
	name = strings.ReplaceAll(filepath.Base(name), " ", "-")
	if cut, _, ok := strings.Cut(name, "."); ok && cut != "" {
		return cut
	}
	return name
}

// Next gives the next transcript, io.EOF after the last. Any other error is a *data.Problem, and no call after it says more.
func (i *Importer) Next() (data.Transcript, error) {
	for {
		r, err := i.source.next()
		if errors.Is(err, io.EOF) && i.report.Read == 0 {
			return data.Transcript{}, place{file: i.report.Input, line: 1}.problem("holds no transcripts")
		}
		if err != nil {
			return data.Transcript{}, err
		}
		i.report.Read++
		if r.drop != "" {
			if err := i.drop(i.transcripts, r.place, "", r.drop); err != nil {
				return data.Transcript{}, err
			}
			continue
		}
		t := data.Transcript{ID: i.id(r.id), Text: r.text, Labelled: r.labelled, Line: r.line}
		if t.Entities, err = i.entities(r); err != nil {
			return data.Transcript{}, err
		}
		i.report.Written++
		i.report.SpansWritten += len(t.Entities)
		return t, nil
	}
}

// Report says what was read so far.
func (i *Importer) Report() *Report {
	r := i.report
	r.TranscriptsDropped, r.SpansDropped, r.Labels = i.transcripts.list(), i.spans.list(), []Rename{}
	for names, count := range i.renames {
		r.Labels = append(r.Labels, Rename{names[0], names[1], count})
	}
	slices.SortFunc(r.Labels, func(a, b Rename) int { return strings.Compare(a.To+"\n"+a.From, b.To+"\n"+b.From) })
	return &r
}

// drop counts what is left out. With Strict it is an error.
func (i *Importer) drop(count reasons, where place, label, reason string) error {
	if i.opts.Strict {
		if label != "" {
			reason += " " + data.Quote(label)
		}
		return where.problem("would be left out: %s", reason)
	}
	count.add(reason, label, where)
	return nil
}

// id makes an id of its own for a transcript without one, and another for one that has that of an earlier transcript.
func (i *Importer) id(id string) string {
	wanted := id
	if strings.TrimSpace(id) == "" {
		wanted = fmt.Sprintf("%s-%d", i.stem, i.report.Read)
	}
	free := wanted
	for n, taken := i.ids[idHash(free)]; taken; _, taken = i.ids[idHash(free)] {
		n++
		i.ids[idHash(wanted)] = n // so that the next one need not try the same numbers
		free = fmt.Sprintf("%s-%d", wanted, n+1)
	}
	i.ids[idHash(free)] = 0
	if free != wanted {
		i.report.Renamed++
	}
	return free
}

func idHash(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}
