package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func client(t *testing.T, env map[string]string) *Client {
	t.Helper()
	c, err := FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCacheFolder(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"HOME": "/home/ann"}, "/home/ann/.cache/huggingface/hub"},
		{map[string]string{"HOME": "/home/ann", "XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"},
		{map[string]string{"XDG_CACHE_HOME": "/c", "HF_HOME": "/h"}, "/h/hub"},
		{map[string]string{"HOME": "/home/ann", "HF_HOME": "~/h"}, "/home/ann/h/hub"},
		{map[string]string{"HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old"}, "/old"},
		{map[string]string{"HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "$HF_HOME/new/$NONE"}, "/h/new/${NONE}"},
	} {
		if got := client(t, test.env).Cache; got != test.want {
			t.Errorf("%v: %s, want %s", test.env, got, test.want)
		}
	}
	if _, err := FromEnv(func(string) string { return "" }); err == nil {
		t.Error("without any folder to keep models in there is no error")
	}
}

func TestSwitches(t *testing.T) {
	for _, test := range []struct {
		offline, transformers string
		want                  bool
	}{
		{"", "", false}, {"1", "", true}, {"on", "", true}, {"True", "0", true}, {"", "yes", true}, {"0", "1", false}, {"2", "", false},
	} {
		c := client(t, map[string]string{"HOME": "/", "HF_HUB_OFFLINE": test.offline, "TRANSFORMERS_OFFLINE": test.transformers})
		if c.Offline != test.want {
			t.Errorf("%+v: %v", test, c.Offline)
		}
	}
	c := client(t, map[string]string{"HOME": "/", "HF_ENDPOINT": "https://user:pw@mirror.example//", "HF_HUB_ETAG_TIMEOUT": "3", "HF_HUB_DOWNLOAD_TIMEOUT": "0"})
	if c.Answer != 3*time.Second || c.Silence != 10*time.Second || c.Endpoint != "https://user:pw@mirror.example" || c.address() != "https://mirror.example" {
		t.Errorf("%+v", c)
	}
	for name, value := range map[string]string{"HF_HUB_ETAG_TIMEOUT": "soon", "HF_HUB_DOWNLOAD_TIMEOUT": "-1", "HF_ENDPOINT": "huggingface.co"} {
		env := map[string]string{"HOME": "/", name: value}
		if _, err := FromEnv(func(name string) string { return env[name] }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestToken(t *testing.T) {
	home := t.TempDir()
	other := filepath.Join(home, "other")
	for path, token := range map[string]string{filepath.Join(home, "token"): "hf_file\n", other: " hf_other\r\n"} {
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "hf_file"},
		{map[string]string{"HF_HOME": "/nowhere"}, ""},
		{map[string]string{"HF_TOKEN_PATH": other}, "hf_other"},
		{map[string]string{"HUGGING_FACE_HUB_TOKEN": "hf_old"}, "hf_old"},
		{map[string]string{"HUGGING_FACE_HUB_TOKEN": "hf_old", "HF_TOKEN": " hf_new\n"}, "hf_new"},
		{map[string]string{"HF_TOKEN": " \n"}, "hf_file"},
		{map[string]string{"HF_TOKEN": "hf_new", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, ""},
	} {
		env := map[string]string{"HF_HOME": home}
		for name, value := range test.env {
			env[name] = value
		}
		if got, err := client(t, env).token(); err != nil || got != test.want {
			t.Errorf("%v: %q, %v; want %q", test.env, got, err, test.want)
		}
	}
	if _, err := client(t, map[string]string{"HF_HOME": home, "HF_TOKEN_PATH": home}).token(); err == nil {
		t.Error("a token that cannot be read is passed over in silence")
	}
}
