package stages

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"pii/data"
	"pii/data/formats"
)

// ExportFormats lists what Export writes.
func ExportFormats() []string { return []string{"conll", "doccano"} }

// ExportOptions say what Export reads and writes; "-" is standard input or output.
type ExportOptions struct {
	Format, Input, Output string
	IDs                   bool // conll: a comment before each sentence has its id
}

// Export writes transcripts as another tool reads them, and says on the log how many there are and what was lost.
func Export(ctx context.Context, env *Env, o ExportOptions) error {
	if !slices.Contains(ExportFormats(), o.Format) {
		return &ConfigError{fmt.Sprintf("--format must be %s%s", strings.Join(ExportFormats(), " or "), Nearest(o.Format, ExportFormats()))}
	}
	if err := checkOutput(o.Output, source{"the input", o.Input}); err != nil {
		return err
	}
	reader, err := env.open(o.Input, data.Options{RequireEntities: o.Format == "conll"}) // doccano is where text gets its labels
	if err != nil {
		return err
	}
	defer reader.Close()
	var sum exported
	err = env.createWhole(o.Output, func(w io.Writer) error {
		return eachTranscript(ctx, reader.Next, func(t data.Transcript) error { return sum.write(t, w, o) })
	})
	if err != nil {
		return err
	}
	env.Log.Printf("%s", sum)
	return nil
}

// exported counts what Export wrote.
type exported struct{ written, empty, lost int }

func (e exported) String() string {
	text := formats.Several(e.written, "transcript") + " written"
	if e.empty > 0 {
		text += "; " + formats.Several(e.empty, "transcript") + " left out: no token"
	}
	if e.lost > 0 {
		text += "; " + formats.Several(e.lost, "span") + " left out: white space alone"
	}
	return text
}

func (e *exported) write(transcript data.Transcript, w io.Writer, o ExportOptions) error {
	written, lost, err := true, 0, error(nil)
	if o.Format == "conll" {
		written, lost, err = formats.WriteCoNLL(w, transcript, o.IDs)
	} else {
		err = formats.WriteDoccano(w, transcript)
	}
	e.lost += lost
	if written {
		e.written++
	} else {
		e.empty++
	}
	return err
}
