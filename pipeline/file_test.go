package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first, and longer", "second", ""} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v, want %q", got, err, content)
		}
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(path); err != nil || got.Mode() != want.Mode() {
		t.Errorf("mode %v, %v, want %v as the umask leaves it", got.Mode(), err, want.Mode())
	}
	sameNames(t, names(t, dir), []string{"file", "plain"})
}

// TestCreateFileFails lets writing fail in some ways: what was there stays, and nothing comes to it.
func TestCreateFileFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	half := func(f *os.File) error {
		_, err := f.WriteString("half")
		return errors.Join(err, broken)
	}
	for _, c := range []struct {
		name  string
		path  string
		write func(*os.File) error
		want  string
	}{
		{"write fails", "file", half, "writing */file: broken"},
		{"write fails, nothing there", "new", half, "writing */new: broken"},
		{"write closes", "file", func(f *os.File) error { return f.Close() }, "writing */file: sync *: file already closed"},
		{"folder missing", "none/file", half, "writing */none/file: open *: no such file or directory"},
		{"folder is a file", "file/file", half, "writing */file/file: open *: not a directory"},
		{"target is a folder", "folder", half, "writing */folder: it is a folder, not a file"},
		{"target is a pipe", "pipe", half, "writing */pipe: it is a device or a pipe, not a file"},
		{"target becomes a folder", "late", func(f *os.File) error {
			return os.Mkdir(filepath.Join(filepath.Dir(f.Name()), "late"), 0o777)
		}, "writing */late: rename *: file exists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o666),
				os.Mkdir(filepath.Join(dir, "folder"), 0o777), unix.Mkfifo(filepath.Join(dir, "pipe"), 0o666))
			if err != nil {
				t.Fatal(err)
			}
			err = CreateFile(filepath.Join(dir, c.path), c.write)
			if err == nil || !matches(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(got) != "old" {
				t.Errorf("the old file has %q, %v", got, err)
			}
			want := []string{"file", "folder", "pipe"}
			if c.path == "late" {
				want = []string{"file", "folder", "late", "pipe"}
			}
			sameNames(t, names(t, dir), want)
		})
	}
}

// TestCreateFileThroughLinks writes to links of all sorts: they stay, what they lead to has the content, and nothing else is left.
func TestCreateFileThroughLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.MkdirAll(at("real/deep"), 0o777), os.Mkdir(at("links"), 0o777), os.Symlink("real/deep", at("folder")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ link, target, file string }{
		{"links/dangling", "../real/made", "real/made"},
		{"links/relative", "../real/made", "real/made"},
		{"links/absolute", at("real/made"), "real/made"},
		{"links/chain", "relative", "real/made"},
		{"links/by ..", "../folder/../made", "real/made"}, // not made beside folder
		{"folder/inside", "../made", "real/made"},
		{"links/here", "here too", "links/here too"},
	} {
		if err := os.Symlink(c.target, at(c.link)); err != nil {
			t.Fatal(err)
		}
		if err := CreateFile(at(c.link), func(f *os.File) error { _, err := f.WriteString(c.link); return err }); err != nil {
			t.Error(c.link, err)
		}
		if target, err := os.Readlink(at(c.link)); err != nil || target != c.target {
			t.Errorf("%s leads to %q, %v", c.link, target, err)
		}
		if got, err := os.ReadFile(at(c.file)); err != nil || string(got) != c.link {
			t.Errorf("%s has %q, %v, want %q", c.file, got, err, c.link)
		}
	}
	sameNames(t, names(t, dir), []string{"folder", "links", "real"})
	sameNames(t, names(t, at("real")), []string{"deep", "made"})
}

// TestLinksThatAreNotWrittenThrough are those that lead nowhere, and those that WriteFile takes the place of.
func TestLinksThatAreNotWrittenThrough(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	round, link, file := filepath.Join(dir, "round"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := errors.Join(os.Symlink("round", round), os.Symlink("file", link), os.WriteFile(file, []byte("old"), 0o666)); err != nil {
		t.Fatal(err)
	}
	err := CreateFile(round, func(*os.File) error { return nil })
	if err == nil || !matches(err.Error(), "writing */round: more than 40 symbolic links *") {
		t.Error(err)
	}
	if err := WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "old" {
		t.Errorf("WriteFile wrote %q through a link, %v", got, err)
	}
	sameNames(t, names(t, dir), []string{"file", "link", "round"})
}

// TestWriteFileTogether writes one path from several goroutines while another reads it: each read is one whole content.
func TestWriteFileTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	content := func(i int) []byte { return []byte(strings.Repeat(fmt.Sprint(i), 5000*(i+1))) }
	if err := WriteFile(path, content(0)); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for range 4 {
				if err := WriteFile(path, content(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		writers.Wait()
		close(done)
	}()
	for looking := true; looking; {
		select {
		case <-done:
			looking = false
		default:
		}
		got, err := os.ReadFile(path)
		if err != nil || len(got) == 0 || string(got) != string(content(int(got[0]-'0'))) {
			t.Fatalf("read %d bytes of no single writer, %v", len(got), err)
		}
	}
	sameNames(t, names(t, dir), []string{"file"})
}
