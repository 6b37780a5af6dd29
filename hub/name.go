package hub

import (
	"fmt"
	"regexp"
	"strings"
)

// Model names a model on the hub at a revision.
type Model struct {
	Repo     string // owner/name, or name alone for the few oldest models
	Revision string // a branch, a tag, a commit, or the beginning of one
}

// defaultRevision is the branch that is meant where none is named.
const defaultRevision = "main"

func (m Model) String() string {
	if m.Revision == defaultRevision {
		return m.Repo
	}
	return m.Repo + "@" + m.Revision
}

var (
	repoName   = regexp.MustCompile(`^(\w([\w.-]*\w)?/)?\w([\w.-]{0,94}\w)?$`)
	commitName = regexp.MustCompile(`^[0-9a-f]{40}$`)
	shortName  = regexp.MustCompile(`^[0-9a-f]{5,39}$`)
)

// Parse reads owner/name, name, or either with @revision. Names are checked as huggingface_hub checks them.
func Parse(text string) (Model, error) {
	repo, revision, given := strings.Cut(text, "@")
	m := Model{repo, revision}
	if !given {
		m.Revision = defaultRevision
	}
	if len(repo) > 200 || !repoName.MatchString(repo) || strings.Contains(repo, "--") || strings.Contains(repo, "..") ||
		strings.HasSuffix(repo, ".git") {
		return Model{}, fmt.Errorf("%q is not a model's name on the hub, which is of the form owner/name", text)
	}
	if !safePath(m.Revision) || strings.Contains(m.Revision, "..") {
		return Model{}, fmt.Errorf("%q names no revision after the @", text)
	}
	return m, nil
}

// safePath reports whether a slash-separated path from elsewhere stays below the folder that it is joined to, and is one
// that people can read.
func safePath(path string) bool {
	if path == "" || len(path) > 255 || strings.ContainsAny(path, "\\:") {
		return false
	}
	for _, r := range path {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' {
			return false
		}
	}
	for _, part := range strings.Split(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}
