package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// transfer writes what is at an address to the end of a file, over as many connections as it takes.
type transfer struct {
	client  *Client
	url     string
	out     *os.File
	have    int64 // bytes in out
	size    int64 // of the whole, or -1
	tracker Tracker
}

func (t *transfer) run(ctx context.Context) error {
	end, err := t.out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	t.count(end)
	if t.size < 0 || t.have > t.size {
		if err := t.restart(); err != nil { // what is there is not known to be a part of the file, or is none
			return err
		}
	}
	for r := (retries{client: t.client}); t.have < t.size || t.size < 0; {
		before := t.have
		err := t.part(ctx)
		if err == nil {
			return nil
		}
		if t.have > before {
			r.failed = 0
		}
		if err := r.pause(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

func (t *transfer) count(n int64) {
	t.have += n
	t.tracker.Add(int(n))
}

// restart throws away what is there.
func (t *transfer) restart() error {
	t.count(-t.have)
	if _, err := t.out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return t.out.Truncate(0)
}

// part gets what is missing, or as much of it as one connection brings.
func (t *transfer) part(ctx context.Context) error {
	resp, err := t.client.send(ctx, request{method: http.MethodGet, url: t.url, from: t.have, limit: t.client.Silence})
	var status *StatusError
	if errors.As(err, &status) && status.Status == http.StatusRequestedRangeNotSatisfiable && t.have > 0 {
		return errors.Join(&networkError{status.Host, errors.New("has no more of the file")}, t.restart())
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if !continues(resp, t.have) {
		if err := t.restart(); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return &networkError{resp.Request.URL.Host, errors.New("sent another part of the file than was asked for")}
		}
	}
	return t.copy(resp)
}

// continues reports whether an answer begins at byte from of the file.
func continues(resp *http.Response, from int64) bool {
	if resp.StatusCode == http.StatusOK {
		return from == 0
	}
	text, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	first, _, _ := strings.Cut(text, "-")
	at, err := strconv.ParseInt(first, 10, 64)
	return ok && err == nil && at == from
}

// copy writes an answer's body out. Errors of the file are told from those of the network, which pass.
func (t *transfer) copy(resp *http.Response) error {
	buffer := make([]byte, 1<<18)
	for {
		n, err := resp.Body.Read(buffer)
		if t.size >= 0 && int64(n) > t.size-t.have {
			err := fmt.Errorf("%s sends more than the %d bytes that the file has", resp.Request.URL.Host, t.size)
			return errors.Join(err, t.restart())
		}
		written, writeErr := t.out.Write(buffer[:n])
		t.count(int64(written))
		if writeErr != nil {
			return writeErr
		}
		if errors.Is(err, io.EOF) {
			if t.have < t.size {
				return &networkError{resp.Request.URL.Host, io.ErrUnexpectedEOF}
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}
