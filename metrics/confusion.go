package metrics

import (
	"cmp"
	"slices"

	"pii/labels"
)

// Confusion counts which type was taken for which, over the pairs of an Assignment. The types are those of the label set,
// in its order.
type Confusion struct {
	Types    []string `json:"types"`
	Pairs    [][]int  `json:"pairs"`    // a row for each gold type, in it a column for each predicted type; on the diagonal the type is right
	Missed   []int    `json:"missed"`   // gold spans of each type that no predicted span answers
	Spurious []int    `json:"spurious"` // predicted spans of each type that answer no gold span
}

// Mistake is a gold type that was taken for another.
type Mistake struct {
	Gold      string `json:"gold"`
	Predicted string `json:"predicted"`
	Count     int    `json:"count"` // pairs of spans
}

func newConfusion(types []labels.Type) Confusion {
	n := len(types)
	c := Confusion{Types: make([]string, n), Pairs: make([][]int, n), Missed: make([]int, n), Spurious: make([]int, n)}
	for i, t := range types {
		c.Types[i], c.Pairs[i] = t.Name, make([]int, n)
	}
	return c
}

func (c *Confusion) add(a Assignment) {
	for _, pair := range a.Pairs {
		c.Pairs[c.index(pair.Gold)][c.index(pair.Predicted)]++
	}
	for _, span := range a.Missed {
		c.Missed[c.index(span)]++
	}
	for _, span := range a.Spurious {
		c.Spurious[c.index(span)]++
	}
}

func (c *Confusion) index(span labels.Span) int { return slices.Index(c.Types, span.Label) }

func (c *Confusion) clone() Confusion {
	copied := Confusion{c.Types, slices.Clone(c.Pairs), slices.Clone(c.Missed), slices.Clone(c.Spurious)}
	for i, row := range c.Pairs {
		copied.Pairs[i] = slices.Clone(row)
	}
	return copied
}

// mistakes lists the types that were taken for others, the commonest mistake first.
func (c *Confusion) mistakes() []Mistake {
	list := []Mistake{}
	for g, row := range c.Pairs {
		for p, count := range row {
			if g != p && count > 0 {
				list = append(list, Mistake{c.Types[g], c.Types[p], count})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Mistake) int { return cmp.Compare(b.Count, a.Count) })
	return list
}
