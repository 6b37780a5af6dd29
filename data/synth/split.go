package synth

import (
	"fmt"
	"hash/fnv"
	"unicode"
)

// Set is one of the sets that are made.
type Set string

// The sets. Train, Dev and Test come from the same frames and lists; Stress from frames, names, places, mail domains and
// patterns of numbers that the others are not made of. Numbers is talk full of numbers without any entity, in wordings of
// its own; all that is found there is found wrongly. It does not ship with the program.
const (
	Train   Set = "train"
	Dev     Set = "dev"
	Test    Set = "test"
	Stress  Set = "stress"
	Numbers Set = "numbers"
)

// Sets lists the sets that ship with the program, in order.
func Sets() []Set { return []Set{Train, Dev, Test, Stress} }

// AllSets lists all sets.
func AllSets() []Set { return append(Sets(), Numbers) }

// own reports whether the set has names, places and patterns of numbers that train, dev and test have not.
func (s Set) own() bool { return s == Stress || s == Numbers }

// size is how many transcripts the configuration wants of the set.
func (s Set) size(sizes Sizes) int {
	return map[Set]int{Train: sizes.Train, Dev: sizes.Dev, Test: sizes.Test, Stress: sizes.Stress, Numbers: sizes.Numbers}[s]
}

// stream is the number of the set's random stream.
func (s Set) stream() (uint64, error) {
	for i, set := range AllSets() {
		if s == set {
			return uint64(i) + 1, nil
		}
	}
	return 0, fmt.Errorf("there is no set %q; there are train, dev, test, stress and numbers", string(s))
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
