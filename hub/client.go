// Package hub brings models of the Hugging Face hub onto this machine, into the cache that Python's huggingface_hub uses, so
// that each finds what the other has downloaded. It follows huggingface_hub 1.23 in what it asks the hub, heeds in the
// environment and leaves on disk.
package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Client talks to one hub and keeps what comes in one cache. Its methods may be called at once from several goroutines and
// processes.
type Client struct {
	Endpoint string        // the hub's address, without a slash at its end
	Cache    string        // the folder that holds models--owner--name; absolute
	Offline  bool          // never use the network
	Answer   time.Duration // how long the hub may take to say something about a file or a repository
	Silence  time.Duration // how long a download may stand still

	// Say is told in one line what people should know of though it is no error: a download, a retry, a wait, an old model.
	Say func(line string)
	// Track begins to show a download of so many bytes; -1 is unknown.
	Track func(what string, bytes int64) Tracker

	token     func() (string, error) // what the hub knows the user by, or ""
	sleep     func(context.Context, time.Duration) error
	transport http.RoundTripper
}

// Tracker shows how far a download is.
type Tracker interface {
	Add(bytes int) // so many more are here; fewer, where the download had to begin again
	Close()
}

// untracked is a Tracker that shows nothing.
type untracked struct{}

func (untracked) Add(int) {}
func (untracked) Close()  {}

func (c *Client) track(what string, bytes int64) Tracker {
	if c.Track == nil {
		return untracked{}
	}
	return c.Track(what, bytes)
}

func (c *Client) sayf(format string, args ...any) {
	if c.Say != nil {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// address is the endpoint as messages show it: without a password.
func (c *Client) address() string {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return "the hub"
	}
	u.User = nil
	return u.String()
}

// sleep waits for d or until ctx is cancelled.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
