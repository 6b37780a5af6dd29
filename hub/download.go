package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// download brings one commit of a model into the cache.
type download struct {
	client  *Client
	model   Model
	folder  folder
	listing listing
	said    bool // that something is downloaded
}

// remote is a file as the hub describes it.
type remote struct {
	name string
	etag string // hash of the content: see verify
	size int64  // in bytes; -1 if the hub does not say
}

func (d *download) run(ctx context.Context, accept func(dir string) error) (string, error) {
	onHub := source{func(name string) bool { return d.listing.names[name] },
		func(name string) ([]byte, error) {
			if err := d.fetch(ctx, name); err != nil {
				return nil, err
			}
			return readText(d.folder.file(d.listing.commit, name))
		}}
	dir := d.folder.snapshot(d.listing.commit)
	if d.listing.names[configFile] && accept != nil {
		if err := d.fetch(ctx, configFile); err != nil {
			return "", err
		}
		if err := accept(dir); err != nil {
			return "", err
		}
	}
	small, large, err := modelFiles(onHub)
	var incomplete *incompleteError
	if errors.As(err, &incomplete) {
		return "", fmt.Errorf("the repository %w", err)
	}
	if err == nil {
		err = d.fetch(ctx, small...)
	}
	if err == nil {
		err = d.fetch(ctx, large...)
	}
	if err != nil {
		return "", err
	}
	// Last: until the new commit is whole, the revision is the old one for who is offline.
	if err := d.folder.setRef(d.model.Revision, d.listing.commit); err != nil {
		d.client.sayf("what %s is could not be noted in the cache: %v", d.model, err)
	}
	return dir, nil
}

// fetch brings those of the files that are not in the snapshot there.
func (d *download) fetch(ctx context.Context, names ...string) error {
	var missing []remote
	total := int64(0)
	for _, name := range names {
		if exists(d.folder.file(d.listing.commit, name)) {
			continue
		}
		file, err := d.describe(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		missing = append(missing, file)
		if total += file.size; file.size < 0 {
			total = -1 << 62 // stays below 0
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := d.prepare(total, missing); err != nil {
		return err
	}
	tracker := d.client.track("downloading "+d.model.Repo, max(total, -1))
	defer tracker.Close()
	for _, file := range missing {
		if err := d.place(ctx, file, tracker); err != nil {
			return fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return nil
}

// prepare makes the folders, and looks whether there is space for what is missing, total bytes.
func (d *download) prepare(total int64, missing []remote) error {
	blobs := filepath.Dir(d.folder.blob("x"))
	if err := os.MkdirAll(blobs, 0o777); err != nil {
		return err
	}
	_ = d.client.tag() // a help for backups, and in a cache that is shared not always ours to write
	if !d.said {
		d.client.sayf("downloading model %s (commit %s) to %s", d.model, d.listing.commit[:12], d.folder.path)
		d.said = true
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(blobs, &disk); err != nil {
		return nil //nolint:nilerr // not every file system says; a full disk shows when it is written to
	}
	for _, file := range missing {
		if info, err := os.Stat(d.folder.blob(file.etag) + incompleteEnding); err == nil {
			total -= info.Size()
		}
	}
	if free := int64(disk.Bavail) * disk.Bsize; total > free {
		return fmt.Errorf("%.1f MB are to be downloaded to %s, where %.1f MB are free", float64(total)/1e6, blobs, float64(free)/1e6)
	}
	return nil
}

// describe asks the hub for a file's hash and size.
func (d *download) describe(ctx context.Context, name string) (remote, error) {
	c := d.client
	for r := (retries{client: c}); ; {
		resp, err := c.send(ctx, request{method: http.MethodHead, url: c.fileURL(d.model.Repo, d.listing.commit, name),
			limit: c.Answer, stay: true})
		if err == nil {
			file, err := readHead(name, resp)
			return file, errors.Join(err, resp.Body.Close())
		}
		if err := r.pause(ctx, err); err != nil {
			return remote{}, err
		}
	}
}

// hashETag is an ETag that says by its length what it is the hash of.
var hashETag = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func readHead(name string, resp *http.Response) (remote, error) {
	etag := resp.Header.Get("X-Linked-Etag")
	if etag == "" {
		etag = resp.Header.Get("ETag")
	}
	file := remote{name, strings.Trim(strings.TrimPrefix(etag, "W/"), `"`), -1}
	if !hashETag.MatchString(file.etag) {
		return file, fmt.Errorf("%s names no hash to check the file by", resp.Request.URL.Host)
	}
	if n, err := strconv.ParseInt(resp.Header.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		file.size = n
	} else if resp.StatusCode == http.StatusOK { // that of a redirect is the redirect's own
		file.size = resp.ContentLength
	}
	return file, nil
}

// place brings a file's content into the cache, unless it is there, and links it into the snapshot.
func (d *download) place(ctx context.Context, file remote, tracker Tracker) error {
	unlock, err := d.client.lock(ctx, d.folder.lock(file.etag), file.name+" of "+d.model.Repo)
	if err != nil {
		return err
	}
	defer unlock()
	blob := d.folder.blob(file.etag)
	if info, err := os.Stat(blob); err == nil && (file.size < 0 || info.Size() == file.size) {
		tracker.Add(int(info.Size())) // of another revision, or another process just brought it
		return d.folder.link(d.listing.commit, file.name, file.etag)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.bring(ctx, file, blob, tracker); err != nil {
		return err
	}
	return d.folder.link(d.listing.commit, file.name, file.etag)
}

const incompleteEnding = ".incomplete"

// bring downloads a blob aside, checks it, and puts it in place. A part that is there already is gone on from.
func (d *download) bring(ctx context.Context, file remote, blob string, tracker Tracker) (err error) {
	partial := blob + incompleteEnding
	out, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	t := transfer{client: d.client, url: d.client.fileURL(d.model.Repo, d.listing.commit, file.name), out: out, size: file.size,
		tracker: tracker}
	err = t.run(ctx)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := verify(partial, file); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	if err := os.Rename(partial, blob); err != nil {
		return err
	}
	return syncDir(filepath.Dir(blob))
}
