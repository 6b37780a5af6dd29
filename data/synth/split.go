package synth

import (
	"fmt"
	"hash/fnv"
	"unicode"
)

// Set is one of the sets that are made.
type Set string

// The sets. Train, Dev and Test come from the same frames and lists; Stress from frames, names, places and mail domains
// that stand in none of the others.
const (
	Train  Set = "train"
	Dev    Set = "dev"
	Test   Set = "test"
	Stress Set = "stress"
)

// Sets lists the sets in order.
func Sets() []Set { return []Set{Train, Dev, Test, Stress} }

// size is how many transcripts the configuration wants of the set.
func (s Set) size(sizes Sizes) int {
	return map[Set]int{Train: sizes.Train, Dev: sizes.Dev, Test: sizes.Test, Stress: sizes.Stress}[s]
}

// stream is the number of the set's random stream.
func (s Set) stream() (uint64, error) {
	for i, set := range Sets() {
		if s == set {
			return uint64(i) + 1, nil
		}
	}
	return 0, fmt.Errorf("there is no set %q; there are train, dev, test and stress", string(s))
}

// owns reports whether a text may stand in the set. The hash of a text decides to which of train, dev and test it
// belongs, so that they share none, however long they are and in whatever order they are made.
func (s Set) owns(key uint64) bool {
	switch bucket := key % 10; s {
	case Dev:
		return bucket == 8
	case Test:
		return bucket == 9
	case Train:
		return bucket < 8
	}
	return true
}

// textKey is a hash of the letters and digits of a text: casing, spacing and punctuation make no other text of it.
func textKey(text string) uint64 {
	h := fnv.New64a()
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			fmt.Fprintf(h, "%c", unicode.ToLower(r))
		}
	}
	return h.Sum64()
}
