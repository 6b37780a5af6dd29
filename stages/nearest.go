package stages

import (
	"fmt"

	"github.com/agext/levenshtein"
)

// Nearest suggests, for an error message, the known name most like the unknown one: "; did you mean X?", or nothing where
// none is like it.
func Nearest(name string, known []string) string {
	best, similarity := "", 0.5
	for _, k := range known {
		if s := levenshtein.Similarity(name, k, nil); s > similarity {
			best, similarity = k, s
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
