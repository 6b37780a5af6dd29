package wordpiece

import (
	"container/heap"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// TrainOptions say how Train makes a vocabulary.
type TrainOptions struct {
	Options           // how texts are normalised, as the tokenizer of the vocabulary will do it
	MinFrequency  int // how often two pieces must stand together to become one; below 1 counts as 1
	AlphabetLimit int // how many characters at most become pieces, the most frequent ones; 0: 1000
}

// defaultAlphabetLimit is that of Hugging Face's WordPieceTrainer.
const defaultAlphabetLimit = 1000

// alwaysKnown are the characters that every vocabulary can spell, at the beginning of a word and inside.
const alwaysKnown = "0123456789abcdefghijklmnopqrstuvwxyz"

// Train learns a WordPiece vocabulary of at most size pieces as Hugging Face's WordPieceTrainer does: from the characters
// on, the two neighbouring pieces that stand together most often, words counted as often as they occur, become one
// piece, until the vocabulary is full or no pair occurs MinFrequency times.
//
// The order is: the special tokens; the characters that start a word, by code point; those that continue one; the merged
// pieces, most frequent first. Ties go to the pair whose pieces come first as strings, so the same texts in any order
// give the same vocabulary.
func Train(texts iter.Seq[string], size int, opts TrainOptions) (*Vocabulary, error) {
	least := len(SpecialTokens()) + 2*len(alwaysKnown)
	if size < least {
		return nil, fmt.Errorf("train vocabulary: a size of %d is too small: special tokens, digits and letters need %d", size, least)
	}
	counts := countTexts(texts, opts.Options)
	limit := opts.AlphabetLimit
	if limit <= 0 {
		limit = defaultAlphabetLimit
	}
	t := newTrainer(counts, min(limit, (size-len(SpecialTokens()))/2))
	t.countPairs()
	t.merge(size, max(opts.MinFrequency, 1))
	return NewVocabulary(t.pieces)
}

// countTexts counts the words of all texts. Special tokens in the texts are text like any other.
func countTexts(texts iter.Seq[string], opts Options) map[string]int {
	counts := map[string]int{}
	s := &scratch{}
	for text := range texts {
		s.chars = s.chars[:0]
		for _, r := range text {
			s.chars = append(s.chars, char{r: r})
		}
		for word, rest := nextWord(opts.normalize(s)); len(word) > 0; word, rest = nextWord(rest) {
			s.word = s.word[:0]
			for _, c := range word {
				s.word = utf8.AppendRune(s.word, c.r)
			}
			counts[string(s.word)]++
		}
	}
	return counts
}

// trainer is the state of Train. Pieces are numbered as in the vocabulary.
type trainer struct {
	pieces []string
	ids    map[string]int32
	words  []spelled
	counts map[pair]int     // how often two pieces stand together now
	where  map[pair][]int32 // the words in which they did at some time
}

// spelled is a word, how often it occurs, and the pieces that spell it now.
type spelled struct {
	pieces []int32
	count  int
}

type pair struct{ left, right int32 }

func newTrainer(counts map[string]int, limit int) *trainer {
	t := &trainer{ids: map[string]int32{}, counts: map[pair]int{}, where: map[pair][]int32{}}
	for _, token := range SpecialTokens() {
		t.add(token)
	}
	known := alphabet(counts, limit)
	inside := map[rune]bool{}
	for _, r := range alwaysKnown {
		inside[r] = true
	}
	for word := range counts {
		_, first := utf8.DecodeRuneInString(word)
		for _, r := range word[first:] {
			inside[r] = true
		}
	}
	for _, r := range known {
		t.add(string(r))
	}
	for _, r := range known {
		if inside[r] {
			t.add(Prefix + string(r))
		}
	}
	for word, count := range counts {
		t.spell(word, count)
	}
	return t
}

// alphabet returns the characters that become pieces, by code point: those that are always known, and the most frequent
// of the others, at most limit in all.
func alphabet(counts map[string]int, limit int) []rune {
	frequency := map[rune]int{}
	for word, count := range counts {
		for _, r := range word {
			frequency[r] += count
		}
	}
	known := []rune(alwaysKnown)
	for _, r := range known {
		delete(frequency, r)
	}
	var others []rune
	for r := range frequency {
		others = append(others, r)
	}
	sort.Slice(others, func(i, j int) bool {
		a, b := others[i], others[j]
		return frequency[a] > frequency[b] || frequency[a] == frequency[b] && a < b
	})
	known = append(known, others[:min(len(others), max(limit-len(known), 0))]...)
	slices.Sort(known)
	return known
}

func (t *trainer) add(piece string) int32 {
	if id, ok := t.ids[piece]; ok {
		return id
	}
	id := int32(len(t.pieces))
	t.ids[piece] = id
	t.pieces = append(t.pieces, piece)
	return id
}

// spell adds a word as its characters. Those outside the alphabet are left out, as Hugging Face does.
func (t *trainer) spell(word string, count int) {
	s := spelled{count: count}
	for i, r := range word {
		piece := string(r)
		if i > 0 {
			piece = Prefix + piece
		}
		if id, ok := t.ids[piece]; ok {
			s.pieces = append(s.pieces, id)
		}
	}
	if len(s.pieces) > 1 {
		t.words = append(t.words, s)
	}
}

func (t *trainer) countPairs() {
	for w := range t.words {
		word := &t.words[w]
		t.countPairsOf(word, +1)
		for i := range len(word.pieces) - 1 {
			t.found(pair{word.pieces[i], word.pieces[i+1]}, w)
		}
	}
}

// found notes that a pair stands in word w.
func (t *trainer) found(p pair, w int) {
	in := t.where[p]
	if len(in) == 0 || in[len(in)-1] != int32(w) {
		t.where[p] = append(in, int32(w))
	}
}

// merge makes the most frequent pair one piece, until the vocabulary is full or no pair is frequent enough.
func (t *trainer) merge(size, minFrequency int) {
	queue := &mergeQueue{pieces: t.pieces}
	for p, count := range t.counts {
		queue.items = append(queue.items, candidate{p, count})
	}
	heap.Init(queue)
	for len(t.pieces) < size && queue.Len() > 0 {
		best := heap.Pop(queue).(candidate)
		if now := t.counts[best.pair]; now != best.count {
			// Merges since it was queued took some of its places.
			if best.count = now; now >= minFrequency {
				heap.Push(queue, best)
			}
			continue
		}
		if best.count < minFrequency {
			return
		}
		made := t.mergePair(best.pair)
		queue.pieces = t.pieces
		for _, p := range made {
			heap.Push(queue, candidate{p, t.counts[p]})
		}
	}
}

// mergePair makes one piece of a pair wherever it stands, and returns the pairs that are more frequent than before.
func (t *trainer) mergePair(p pair) (grown []pair) {
	id := t.add(t.pieces[p.left] + strings.TrimPrefix(t.pieces[p.right], Prefix))
	seen := map[pair]bool{}
	for _, w := range t.where[p] {
		word := &t.words[w]
		t.countPairsOf(word, -1)
		if word.merge(p, id) {
			for i := range len(word.pieces) - 1 {
				next := pair{word.pieces[i], word.pieces[i+1]}
				if next.left != id && next.right != id {
					continue
				}
				t.found(next, int(w))
				if !seen[next] {
					seen[next] = true
					grown = append(grown, next)
				}
			}
		}
		t.countPairsOf(word, +1)
	}
	delete(t.counts, p)
	delete(t.where, p)
	return grown
}

// countPairsOf adds a word's pairs to the counts, or takes them away if sign is -1.
func (t *trainer) countPairsOf(word *spelled, sign int) {
	for i := range len(word.pieces) - 1 {
		t.counts[pair{word.pieces[i], word.pieces[i+1]}] += sign * word.count
	}
}

// merge puts id in place of each p, from left to right, and reports whether there was one.
func (s *spelled) merge(p pair, id int32) bool {
	kept := s.pieces[:0]
	for i := 0; i < len(s.pieces); i++ {
		piece := s.pieces[i]
		if piece == p.left && i+1 < len(s.pieces) && s.pieces[i+1] == p.right {
			piece = id
			i++
		}
		kept = append(kept, piece)
	}
	merged := len(kept) < len(s.pieces)
	s.pieces = kept
	return merged
}

// mergeQueue is a heap of pairs, the most frequent first.
type mergeQueue struct {
	items  []candidate
	pieces []string
}

type candidate struct {
	pair
	count int
}

func (q *mergeQueue) Len() int { return len(q.items) }
func (q *mergeQueue) Less(i, j int) bool {
	a, b := q.items[i], q.items[j]
	if a.count != b.count {
		return a.count > b.count
	}
	if a.left != b.left {
		return q.pieces[a.left] < q.pieces[b.left]
	}
	return q.pieces[a.right] < q.pieces[b.right]
}
func (q *mergeQueue) Swap(i, j int) { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *mergeQueue) Push(x any)    { q.items = append(q.items, x.(candidate)) }
func (q *mergeQueue) Pop() any {
	last := q.items[len(q.items)-1]
	q.items = q.items[:len(q.items)-1]
	return last
}
