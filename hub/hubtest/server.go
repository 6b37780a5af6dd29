// Package hubtest is a server for tests that behaves like the Hugging Face hub: it lists repositories, describes files by
// hash and size, redirects to a second server for the large ones, and has the hub's errors. huggingface_hub works with it.
package hubtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Repo is a repository. Files of it that are Large are redirected to the second server, as those in git LFS are.
type Repo struct {
	Name    string            // owner/name
	Alias   string            // an old name that the hub redirects from
	Refs    map[string]string // branch or tag to commit
	Commits map[string]Files
	Private bool // needs Token, and is as if it were not there without
	Gated   bool // lists its files to everybody, and needs Token to read them
}

// Files are the contents of a commit by name.
type Files map[string][]byte

// Request is what a server was asked.
type Request struct {
	CDN           bool // the second server was
	Method, Path  string
	Range         string
	Authorization string
}

// Server is a hub and the server that it redirects to.
type Server struct {
	Hub, CDN *httptest.Server
	Token    string    // what gives access
	Log      io.Writer // where set, each request is told there
	// Fault, where set, is called before every answer; true means that it has answered itself.
	Fault func(r Request, w http.ResponseWriter) bool

	mu       sync.Mutex
	repos    []*Repo
	requests []Request
}

// New starts a server.
func New(repos ...*Repo) *Server {
	s := &Server{repos: repos, Token: "hf_secret"}
	s.Hub = httptest.NewServer(s.handler(false))
	s.CDN = httptest.NewServer(s.handler(true))
	return s
}

// Close stops both servers.
func (s *Server) Close() {
	s.Hub.Close()
	s.CDN.Close()
}

// Requests is what was asked since it was last called.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.requests
	s.requests = nil
	return list
}

func (s *Server) handler(cdn bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request := Request{cdn, r.Method, r.URL.Path, r.Header.Get("Range"), r.Header.Get("Authorization")}
		s.mu.Lock()
		s.requests = append(s.requests, request)
		fault := s.Fault
		if s.Log != nil {
			fmt.Fprintf(s.Log, "%s %s%s %s\n", r.Method, map[bool]string{true: "cdn"}[cdn], r.URL.Path, request.Range)
		}
		s.mu.Unlock()
		switch {
		case fault != nil && fault(request, w):
		case cdn:
			s.serveBlob(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/models/"):
			s.serveAPI(w, r)
		default:
			s.serveFile(w, r)
		}
	}
}

// Fail answers as the hub does when it refuses.
func Fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.WriteHeader(status)
}

// find is the repository of that name that whoever asks may know of; where it has moved, it redirects and returns nil.
func (s *Server) find(w http.ResponseWriter, r *http.Request, name, prefix string) *Repo {
	if auth := r.Header.Get("Authorization"); auth != "" && auth != "Bearer "+s.Token {
		Fail(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
		return nil
	}
	for _, repo := range s.repos {
		if repo.Alias != "" && repo.Alias == name {
			w.Header().Set("Location", prefix+repo.Name+strings.TrimPrefix(r.URL.EscapedPath(), prefix+name))
			w.WriteHeader(http.StatusTemporaryRedirect)
			return nil
		}
		if repo.Name == name && (!repo.Private || s.knows(r)) {
			return repo
		}
	}
	if s.knows(r) {
		Fail(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
	} else {
		Fail(w, http.StatusUnauthorized, "RepoNotFound", "Repository not found")
	}
	return nil
}

func (s *Server) knows(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer "+s.Token
}

// commit is what a revision is; a short commit counts, if it is the beginning of one only.
func (r *Repo) commit(revision string) string {
	if commit, ok := r.Refs[revision]; ok {
		return commit
	}
	found := ""
	for commit := range r.Commits {
		if len(revision) >= 5 && strings.HasPrefix(commit, revision) {
			if found != "" {
				return ""
			}
			found = commit
		}
	}
	return found
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/api/models/") // a slash in a revision is escaped
	name, revision, ok := strings.Cut(rest, "/revision/")
	folder, tree := "", false
	if !ok {
		name, revision, tree = strings.Cut(rest, "/tree/")
		revision, folder, _ = strings.Cut(revision, "/")
	}
	if !ok && !tree {
		name, revision = rest, "main"
	}
	repo := s.find(w, r, name, "/api/models/")
	if repo == nil {
		return
	}
	revision, err := url.PathUnescape(revision)
	commit := repo.commit(revision)
	if err != nil || commit == "" {
		Fail(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
		return
	}
	if folder != "" { // none of the repositories has one
		Fail(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	var files []map[string]any
	for _, name := range slices.Sorted(maps.Keys(repo.Commits[commit])) {
		files = append(files, describe(name, repo.Commits[commit][name], tree))
	}
	w.Header().Set("Content-Type", "application/json")
	var answer any = map[string]any{"id": repo.Name, "sha": commit, "siblings": files, "private": repo.Private, "tags": []string{}}
	if tree {
		answer = files
	}
	_ = json.NewEncoder(w).Encode(answer) // who asked has gone
}

func describe(name string, content []byte, tree bool) map[string]any {
	if !tree {
		return map[string]any{"rfilename": name}
	}
	entry := map[string]any{"type": "file", "path": name, "size": len(content), "oid": GitHash(content)}
	if large(name) {
		entry["lfs"] = map[string]any{"oid": SHA256(content), "size": len(content), "pointerSize": 130}
	}
	return entry
}

// large files are those that git LFS keeps on the hub.
func large(name string) bool {
	return slices.Contains([]string{".safetensors", ".bin"}, path.Ext(name))
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	repoName, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/resolve/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	repo := s.find(w, r, repoName, "/")
	if repo == nil {
		return
	}
	revision, name, _ := strings.Cut(rest, "/")
	commit := repo.commit(revision)
	if commit == "" {
		Fail(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	if repo.Gated && !s.knows(r) {
		Fail(w, http.StatusForbidden, "GatedRepo", "Access to model "+repo.Name+" is restricted")
		return
	}
	content, ok := repo.Commits[commit][name]
	switch {
	case !ok:
		Fail(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
	case large(name):
		w.Header().Set("X-Linked-Etag", `"`+SHA256(content)+`"`)
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(content)))
		w.Header().Set("Location", s.CDN.URL+"/"+SHA256(content)+"?X-Amz-Signature=opensesame")
		w.WriteHeader(http.StatusFound)
	default:
		w.Header().Set("ETag", `"`+GitHash(content)+`"`)
		http.ServeContent(w, r, "", noTime, strings.NewReader(string(content)))
	}
}

// serveBlob is the second server: contents by hash, for those who have the signature, and who do not say who they are.
func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("X-Amz-Signature") != "opensesame" || r.Header.Get("Authorization") != "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, repo := range s.repos {
		for _, files := range repo.Commits {
			for _, content := range files {
				if "/"+SHA256(content) == r.URL.Path {
					w.Header().Set("ETag", `"one of the store's own"`)
					http.ServeContent(w, r, "", noTime, strings.NewReader(string(content)))
					return
				}
			}
		}
	}
	http.NotFound(w, r)
}

// SHA256 is the hash by which the hub knows a large file.
func SHA256(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// GitHash is the hash by which the hub knows any other file: git's.
func GitHash(content []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...))
	return hex.EncodeToString(sum[:])
}

// noTime keeps Last-Modified out of answers.
var noTime time.Time
