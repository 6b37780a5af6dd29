package metrics

import (
	"cmp"
	"slices"

	"pii/labels"
)

// Assignment says which predicted span answers which gold span of one transcript. Every span is in exactly one place.
type Assignment struct {
	Pairs    []Pair
	Missed   []labels.Span // gold spans without an answer
	Spurious []labels.Span // predicted spans that answer none
}

// Pair is a gold span and the predicted span that answers it. They have a character in common.
type Pair struct{ Gold, Predicted labels.Span }

// Assign pairs gold and predicted spans that overlap, each at most once: first those with the same borders, then those that
// share most characters; where that is equal, a pair of one type goes before one of two, and one that stands earlier (by
// labels.Span.Compare of the gold spans, then of the predicted ones) before a later one. So the order of either list changes
// nothing. A span that is there twice counts twice.
//
// No pair is left that could be added. There may be ways to make more pairs, by giving a span not to the one that it shares
// most with; but the question is what a prediction was meant for, not how many can be made to count.
func Assign(gold, predicted []labels.Span) Assignment {
	gold = slices.SortedFunc(slices.Values(gold), labels.Span.Compare)
	predicted = slices.SortedFunc(slices.Values(predicted), labels.Span.Compare)
	var a Assignment
	takenGold, takenPredicted := make([]bool, len(gold)), make([]bool, len(predicted))
	for _, c := range candidates(gold, predicted) {
		if !takenGold[c.gold] && !takenPredicted[c.predicted] {
			takenGold[c.gold], takenPredicted[c.predicted] = true, true
			a.Pairs = append(a.Pairs, Pair{gold[c.gold], predicted[c.predicted]})
		}
	}
	a.Missed, a.Spurious = without(gold, takenGold), without(predicted, takenPredicted)
	return a
}

// candidate is a possible pair, by its places in the sorted lists.
type candidate struct{ gold, predicted int }

// candidates are the pairs that are possible, in the order in which Assign takes them.
func candidates(gold, predicted []labels.Span) []candidate {
	var list []candidate
	for g := range gold {
		for p := range predicted {
			if shared(gold[g], predicted[p]) > 0 {
				list = append(list, candidate{g, p})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { // stable: what is equal stays in the order of the text
		goldA, predictedA, goldB, predictedB := gold[a.gold], predicted[a.predicted], gold[b.gold], predicted[b.predicted]
		return cmp.Or(
			first(sameBorders(goldA, predictedA), sameBorders(goldB, predictedB)),
			cmp.Compare(shared(goldB, predictedB), shared(goldA, predictedA)),
			first(goldA.Label == predictedA.Label, goldB.Label == predictedB.Label))
	})
	return list
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func sameBorders(a, b labels.Span) bool { return a.Start == b.Start && a.End == b.End }

// shared is the number of characters that two spans have in common.
func shared(a, b labels.Span) int { return max(0, min(a.End, b.End)-max(a.Start, b.Start)) }

func without(spans []labels.Span, taken []bool) []labels.Span {
	var rest []labels.Span
	for i, span := range spans {
		if !taken[i] {
			rest = append(rest, span)
		}
	}
	return rest
}
