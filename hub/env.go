package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultEndpoint = "https://huggingface.co"
	defaultTimeout  = 10 * time.Second
)

// FromEnv is a client as the environment describes it, with the names, defaults and precedence of huggingface_hub:
// HF_ENDPOINT, HF_HUB_CACHE (or HUGGINGFACE_HUB_CACHE), HF_HOME, XDG_CACHE_HOME, HF_TOKEN (or HUGGING_FACE_HUB_TOKEN),
// HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE), HF_HUB_ETAG_TIMEOUT and
// HF_HUB_DOWNLOAD_TIMEOUT, the last two in seconds. Variables that are empty count as not set. Proxies are those of net/http.
func FromEnv(getenv func(string) string) (*Client, error) {
	env := environment(getenv)
	c := &Client{Endpoint: strings.TrimRight(env.first("HF_ENDPOINT"), "/"), sleep: sleep, transport: http.DefaultTransport,
		Offline: isTrue(env.first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))}
	if c.Endpoint == "" {
		c.Endpoint = defaultEndpoint
	}
	if u, err := url.Parse(c.Endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("HF_ENDPOINT is not the address of a hub, such as " + defaultEndpoint)
	}
	var err error
	if c.Answer, err = env.seconds("HF_HUB_ETAG_TIMEOUT"); err != nil {
		return nil, err
	}
	if c.Silence, err = env.seconds("HF_HUB_DOWNLOAD_TIMEOUT"); err != nil {
		return nil, err
	}
	home, err := env.home()
	if err != nil {
		return nil, err
	}
	c.token = env.token(home)
	cache := env.path("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
	if cache == "" {
		cache = filepath.Join(home, "hub")
	}
	c.Cache, err = filepath.Abs(cache)
	return c, err
}

type environment func(string) string

// first is the value of the first variable that is set.
func (e environment) first(names ...string) string {
	for _, name := range names {
		if value := e(name); value != "" {
			return value
		}
	}
	return ""
}

// path is the value of the first variable that is set, with ~ and $NAME filled in as far as they are known.
func (e environment) path(names ...string) string {
	path := e.first(names...)
	if path == "~" || strings.HasPrefix(path, "~/") {
		path = e("HOME") + path[1:]
	}
	return os.Expand(path, func(name string) string {
		if value := e(name); value != "" {
			return value
		}
		return "${" + name + "}"
	})
}

// home is the folder of everything that Hugging Face's libraries keep.
func (e environment) home() (string, error) {
	if home := e.path("HF_HOME"); home != "" {
		return home, nil
	}
	if caches := e.path("XDG_CACHE_HOME"); caches != "" {
		return filepath.Join(caches, "huggingface"), nil
	}
	if e("HOME") == "" {
		return "", errors.New("neither HF_HOME nor HOME says where to keep models from the hub")
	}
	return filepath.Join(e("HOME"), ".cache", "huggingface"), nil
}

// token reads the token when it is first needed, so that who works offline need not have a readable one.
func (e environment) token(home string) func() (string, error) {
	return func() (string, error) {
		if isTrue(e("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
			return "", nil
		}
		if token := cleanToken(e.first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")); token != "" {
			return token, nil
		}
		path := e.path("HF_TOKEN_PATH")
		if path == "" {
			path = filepath.Join(home, "token")
		}
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("reading the hub's token: %w", err)
		}
		return cleanToken(string(content)), nil
	}
}

func cleanToken(text string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(text))
}

func isTrue(value string) bool {
	return slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(value))
}

func (e environment) seconds(name string) (time.Duration, error) {
	text := e(name)
	if text == "" {
		return defaultTimeout, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1<<20 {
		return 0, fmt.Errorf("%s is %q, not a number of seconds", name, text)
	}
	if n == 0 {
		return defaultTimeout, nil
	}
	return time.Duration(n) * time.Second, nil
}
