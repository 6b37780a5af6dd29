package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StatusError is an answer of a server that is no success.
type StatusError struct {
	Host    string
	Status  int
	Code    string        // the hub's X-Error-Code: RepoNotFound, GatedRepo and so on
	Message string        // the hub's X-Error-Message
	Wait    time.Duration // how long the server asks to wait before trying again; 0 if it does not
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s answered %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += fmt.Sprintf(" (%.200q)", e.Message)
	}
	return text
}

func newStatusError(resp *http.Response) *StatusError {
	return &StatusError{resp.Request.URL.Host, resp.StatusCode, resp.Header.Get("X-Error-Code"), resp.Header.Get("X-Error-Message"),
		retryAfter(resp.Header, time.Now())}
}

// retryAfter is how long an answer asks to wait: by Retry-After, in seconds or as a date, or by the hub's RateLimit header,
// whose t is the seconds until its window ends.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n < 1<<30 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	for _, part := range strings.Split(header.Get("RateLimit"), ";") {
		if seconds, ok := strings.CutPrefix(strings.TrimSpace(part), "t="); ok {
			if n, err := strconv.Atoi(seconds); err == nil && n > 0 && n < 1<<30 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}

// networkError is a failure on the way to a server or from it.
type networkError struct {
	host string
	err  error
}

func (e *networkError) Error() string { return e.host + ": " + e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// stallError says that nothing came for too long.
type stallError struct{ limit time.Duration }

func (e *stallError) Error() string { return fmt.Sprintf("nothing came for %v", e.limit) }

// newNetworkError drops the address, which may hold a signature that gives access, and tells a stall from other ends.
func newNetworkError(ctx context.Context, host string, err error) error {
	var stall *stallError
	if errors.As(context.Cause(ctx), &stall) {
		return &networkError{host, stall}
	}
	var where *url.Error
	if errors.As(err, &where) {
		err = where.Err
	}
	return &networkError{host, err}
}

// temporary reports whether the same request may succeed a little later.
func temporary(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return slices.Contains([]int{408, 429, 500, 502, 503, 504}, status.Status)
	}
	var network *networkError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &network) && !errors.As(err, &certificate) && !errors.Is(err, context.Canceled)
}

// unreachable reports whether there was no way to the server at all.
func unreachable(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns)
}

// ErrNoModel says that the hub has no model of a name, as far as it tells whoever asks.
var ErrNoModel = errors.New("there is no model")

// explain says in one line what an error of the hub means for whoever asked for a model.
func (c *Client) explain(m Model, err error) error {
	var status *StatusError
	if !errors.As(err, &status) || !c.speaks(status) {
		return fmt.Errorf("model %s: %w", m, err)
	}
	token, tokenErr := c.token()
	login := "set HF_TOKEN"
	if token != "" || tokenErr != nil {
		login = "the token that is set (HF_TOKEN or hf auth login) does not give access"
	}
	switch {
	case status.Code == "RevisionNotFound":
		return fmt.Errorf("model %s: %s has no such revision of it: %w", m, c.address(), err)
	case status.Code == "GatedRepo":
		return fmt.Errorf("model %q is gated: ask for access at %s/%s, and %s: %w", m.Repo, c.address(), m.Repo, login, err)
	case status.Code == "EntryNotFound":
		return fmt.Errorf("model %s: a file that the hub lists is not there: %w", m, err)
	case status.Status == http.StatusUnauthorized && status.Message == "Invalid credentials in Authorization header":
		return fmt.Errorf("model %s: the hub does not know the token that is set (HF_TOKEN or hf auth login): %w", m, err)
	case status.Code == "RepoNotFound", status.Status == http.StatusNotFound, status.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w %q at %s, or it is private: then %s: %w", ErrNoModel, m.Repo, c.address(), login, err)
	case status.Status == http.StatusForbidden:
		return fmt.Errorf("model %q at %s may not be read: %s: %w", m.Repo, c.address(), login, err)
	}
	return fmt.Errorf("model %s: %w", m, err)
}

// speaks reports whether an answer is the hub's own, and not that of a server it sent us to.
func (c *Client) speaks(status *StatusError) bool {
	u, err := url.Parse(c.Endpoint)
	return err == nil && u.Host == status.Host
}
