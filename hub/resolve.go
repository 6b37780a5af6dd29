package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Resolve returns the folder of a model as the hub has it now, and downloads what of it is missing in the cache:
// configuration, tokenizer, weights, and nothing else. accept, where given, looks at the folder when config.json is in it
// and the weights are not yet; its error ends the download.
//
// Where the hub cannot be asked, the model that the cache has for the revision is used, with a warning; with c.Offline it
// is not asked. A whole model of a full commit never changes and is not asked for either. An interrupted download goes on
// when called again.
func (c *Client) Resolve(ctx context.Context, m Model, accept func(dir string) error) (string, error) {
	cached, cacheErr := c.Cached(m)
	var missing *MissingError
	if cacheErr != nil && !errors.As(cacheErr, &missing) {
		return "", cacheErr
	}
	known := cacheErr == nil
	if known && (c.Offline || commitName.MatchString(m.Revision)) {
		return cached, nil
	}
	if c.Offline {
		return "", fmt.Errorf("%w, and HF_HUB_OFFLINE is set: unset it to download the model, or %s", missing, byHand)
	}
	list, err := c.list(ctx, m, known)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		var status *StatusError
		gone := errors.As(err, &status) && status.Code == "RevisionNotFound"
		if known && !gone {
			c.sayf("using model %s as it was last downloaded: %v", m, err)
			return cached, nil
		}
		if unreachable(err) {
			err = fmt.Errorf("%w; without network, bring the model to %s from elsewhere, or %s", err, c.Cache, byHand)
		}
		return "", c.explain(m, err)
	}
	d := download{client: c, model: m, folder: c.folder(m.Repo), listing: list}
	dir, err := d.run(ctx, accept)
	if err != nil && ctx.Err() == nil {
		err = c.explain(m, err)
	}
	return dir, err
}

// byHand is what to do without a hub.
const byHand = "name a folder with config.json, tokenizer.json or vocab.txt, and model.safetensors"

// listing is what the hub says a revision is.
type listing struct {
	commit string
	names  map[string]bool
}

// list asks the hub for the commit of a revision and the names of its files. With a model to fall back on it asks once.
func (c *Client) list(ctx context.Context, m Model, fallback bool) (listing, error) {
	address := fmt.Sprintf("%s/api/models/%s/revision/%s", c.Endpoint, m.Repo, url.PathEscape(m.Revision))
	for r := (retries{client: c}); ; {
		content, err := c.get(ctx, address)
		if err == nil {
			return parseListing(content)
		}
		if fallback || unreachable(err) {
			return listing{}, err
		}
		if err := r.pause(ctx, err); err != nil {
			return listing{}, err
		}
	}
}

// get asks for a text.
func (c *Client) get(ctx context.Context, address string) ([]byte, error) {
	resp, err := c.send(ctx, request{method: http.MethodGet, url: address, limit: c.Answer})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	return readAll(resp.Body, "the hub's list of files")
}

func parseListing(content []byte) (listing, error) {
	var parsed struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
		} `json:"siblings"`
	}
	if err := json.Unmarshal(content, &parsed); err != nil {
		return listing{}, fmt.Errorf("the hub's list of files: %w", err)
	}
	if !commitName.MatchString(parsed.SHA) {
		return listing{}, errors.New("the hub's list of files names no commit; is HF_ENDPOINT a hub?")
	}
	l := listing{parsed.SHA, map[string]bool{}}
	for _, sibling := range parsed.Siblings {
		l.names[sibling.Name] = true
	}
	return l, nil
}

// fileURL is where a file of a commit is got.
func (c *Client) fileURL(repo, commit, name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return fmt.Sprintf("%s/%s/resolve/%s/%s", c.Endpoint, repo, commit, strings.Join(parts, "/"))
}
