package pipeline

import (
	"io"
	"log"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// logEvery is how often work that no terminal watches says how far it is.
const logEvery = 15 * time.Second

// Progress shows how far long work is: a bar on a terminal, otherwise a log line now and then. It is not for use by
// several goroutines at once.
type Progress struct {
	bar     *progressbar.ProgressBar
	beneath io.Writer // what the logger writes to without a bar
	log     *log.Logger
	what    string
	done    int64
	total   int64

	unit     int64 // what log lines count in
	unitName string
	last     time.Time
}

// NewProgress begins to show work of total units; a total of -1 is unknown. Where logger writes to a terminal, the bar
// goes there.
func NewProgress(logger *log.Logger, what string, total int64) *Progress {
	return newProgress(logger, what, total, progressbar.OptionShowIts())
}

// NewByteProgress is NewProgress for work that is counted in bytes.
func NewByteProgress(logger *log.Logger, what string, total int64) *Progress {
	p := newProgress(logger, what, total, progressbar.OptionShowBytes(true))
	p.unit, p.unitName = 1e6, " MB"
	return p
}

func newProgress(logger *log.Logger, what string, total int64, how progressbar.Option) *Progress {
	p := &Progress{log: logger, what: what, total: total, last: time.Now(), unit: 1}
	if w := logger.Writer(); IsTerminal(w) {
		p.beneath = w
		defer func() { logger.SetOutput(overBar{p.bar, w}) }()
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), how, progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth())
	}
	return p
}

// Add counts n more units as done.
func (p *Progress) Add(n int) {
	p.done += int64(n)
	if p.bar != nil {
		p.bar.Add(n) //nolint:errcheck // a bar that cannot be drawn must not end the work
		return
	}
	if time.Since(p.last) < logEvery {
		return
	}
	p.last = time.Now()
	if p.total > 0 {
		p.log.Printf("%s: %d of %d%s (%d%%)", p.what, p.done/p.unit, p.total/p.unit, p.unitName, 100*p.done/p.total)
	} else {
		p.log.Printf("%s: %d%s", p.what, p.done/p.unit, p.unitName)
	}
}

// Close takes the bar off the terminal.
func (p *Progress) Close() {
	if p.bar != nil {
		p.bar.Finish() //nolint:errcheck // as in Add
		p.log.SetOutput(p.beneath)
	}
}

// overBar is a terminal on which a bar stands, which gives way to what is logged meanwhile.
type overBar struct {
	bar      *progressbar.ProgressBar
	terminal io.Writer
}

func (o overBar) Write(line []byte) (int, error) {
	o.bar.Clear() //nolint:errcheck // as in Add
	return o.terminal.Write(line)
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
