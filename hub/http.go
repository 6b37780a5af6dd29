package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// request is one question to the hub.
type request struct {
	method, url string
	from        int64         // first byte that is asked for
	limit       time.Duration // how long nothing may come
	stay        bool          // do not follow redirects to another server: what matters is what the hub says
}

// send asks once. The body of the answer, which the caller closes, fails when nothing comes for the request's limit. The
// status is 200 or 206, or with stay one of a redirect; any other is a *StatusError.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(r.limit, func() { cancel(&stallError{r.limit}) })
	stop := func() { timer.Stop(); cancel(nil) }
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, nil)
	if err == nil {
		err = c.dress(req, r)
	}
	if err != nil {
		stop()
		return nil, err
	}
	client := http.Client{Transport: c.transport, CheckRedirect: r.redirect}
	resp, err := client.Do(req)
	if err != nil {
		defer stop()
		return nil, newNetworkError(ctx, req.URL.Host, err)
	}
	resp.Body = &watchedBody{resp.Body, ctx, timer, r.limit, stop, resp.Request.URL.Host}
	moved := r.stay && resp.StatusCode >= 300 && resp.StatusCode < 400
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent && !moved {
		return nil, errors.Join(newStatusError(resp), resp.Body.Close())
	}
	return resp, nil
}

func (c *Client) dress(req *http.Request, r request) error {
	token, err := c.token()
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("User-Agent", "pii")
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges are those of the file itself
	if r.from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.from))
	}
	return nil
}

// redirect follows the hub to another server without the token, which is nobody else's business. The net/http package
// would keep it for other ports, and for hosts below the hub's.
func (r request) redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("redirected ten times")
	}
	if sameServer(req.URL, via[0].URL) {
		return nil
	}
	if r.stay {
		return http.ErrUseLastResponse
	}
	req.Header.Del("Authorization")
	return nil
}

func sameServer(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// watchedBody is a body that must keep coming.
type watchedBody struct {
	io.ReadCloser
	ctx   context.Context
	timer *time.Timer
	limit time.Duration
	stop  func()
	host  string
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.limit)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop() // what the reader does between two reads takes as long as it takes
	if err != nil && !errors.Is(err, io.EOF) {
		err = newNetworkError(b.ctx, b.host, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.stop()
	return b.ReadCloser.Close()
}

const (
	tries    = 5
	maxPause = 5 * time.Minute
)

// retries counts failures in a row.
type retries struct {
	client *Client
	failed int
}

// pause waits before the next try after err, or returns err if there shall be none.
func (r *retries) pause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.failed++
	if !temporary(err) || r.failed >= tries {
		return err
	}
	wait := time.Second << (r.failed - 1)
	var status *StatusError
	if errors.As(err, &status) && status.Wait > 0 {
		wait = status.Wait
	}
	if wait > maxPause {
		return fmt.Errorf("%w; it asks to wait for %v", err, wait)
	}
	r.client.sayf("%v; trying again in %v", err, wait)
	return r.client.sleep(ctx, wait)
}
