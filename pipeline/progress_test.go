package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestProgressLogs works where no terminal is: a line where the last one is long ago, and never a bar.
func TestProgressLogs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		total int64
		want  string
	}{
		{200, "train: 51 of 200 (25%)\ntrain: 101 of 200 (50%)\n"},
		{-1, "train: 51\ntrain: 101\n"},
		{0, "train: 51\ntrain: 101\n"},
	} {
		var out bytes.Buffer
		p := NewProgress(log.New(&out, "", 0), "train", c.total)
		for range 2 {
			for range 50 {
				p.Add(1)
			}
			p.last = p.last.Add(-logEvery)
		}
		p.Add(1)
		p.Close()
		// The 51st is the first that comes so late; the 101st is the second.
		if out.String() != c.want {
			t.Errorf("of %d in all, it logged\n%swant\n%s", c.total, out.String(), c.want)
		}
	}
}

func TestByteProgressLogs(t *testing.T) {
	t.Parallel()
	for total, want := range map[int64]string{268_000_000: "weights: 134 of 268 MB (50%)\n", -1: "weights: 134 MB\n"} {
		var out bytes.Buffer
		p := NewByteProgress(log.New(&out, "", 0), "weights", total)
		p.last = p.last.Add(-logEvery)
		p.Add(134_000_000)
		p.Close()
		if out.String() != want {
			t.Errorf("of %d in all, it logged %q, want %q", total, out.String(), want)
		}
	}
}

// TestProgressBar draws on a terminal, and leaves its line empty.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	for _, total := range []int64{10, -1, 0} {
		keyboard, screen := terminal(t)
		if !IsTerminal(screen) {
			t.Fatal("the terminal is not taken for one")
		}
		shown := make(chan string)
		go func() {
			// The end of a terminal whose other side is closed is an error of input and output.
			text, _ := io.ReadAll(keyboard)
			shown <- string(text)
		}()
		p := NewProgress(log.New(screen, "", 0), "train", total)
		p.last = p.last.Add(-logEvery)
		p.Add(3)
		p.Add(1)
		p.Close()
		if err := screen.Close(); err != nil {
			t.Fatal(err)
		}
		text := <-shown
		if total != 0 && !strings.Contains(text, "train") || strings.Contains(text, "\n") {
			t.Errorf("of %d in all, the terminal shows %q", total, text)
		}
		if line := text[strings.LastIndexByte(text, '\r')+1:]; strings.TrimSpace(line) != "" {
			t.Errorf("of %d in all, the terminal's line at last is %q", total, line)
		}
	}
}

// What is logged while a bar stands has a line of its own.
func TestLogOverABar(t *testing.T) {
	t.Parallel()
	keyboard, screen := terminal(t)
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(keyboard)
		shown <- string(text)
	}()
	logger := log.New(screen, "", 0)
	p := NewProgress(logger, "train", 10)
	p.Add(3)
	logger.Print("half of it")
	p.Add(1)
	p.Close()
	logger.Print("all of it")
	if err := screen.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(<-shown, "\n")
	for i, want := range []string{"half of it", "all of it"} {
		line := strings.TrimSuffix(lines[i], "\r")
		if got := line[strings.LastIndexByte(line, '\r')+1:]; got != want {
			t.Errorf("line %d shows %q, want %q", i+1, got, want)
		}
	}
}

// terminal opens the two sides of a new terminal.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT TESTED: a bar on a terminal, because there is none to be had: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT TESTED: a bar on a terminal, because its screen cannot be opened: %v", err)
	}
	return keyboard, screen
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, w := range map[string]io.Writer{"buffer": new(bytes.Buffer), "device": null, "nothing": nil} {
		if IsTerminal(w) {
			t.Errorf("a %s is taken for a terminal", name)
		}
	}
}
