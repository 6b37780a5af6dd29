package labels

import (
	"math"
	"slices"
)

// lattice holds the weight of all legal tag sequences of a text, by the forward-backward algorithm (Rabiner 1989,
// doi:10.1109/5.18626). A sequence weighs the product of its tags' probabilities. All weights are logarithms.
type lattice struct {
	set     *Set
	length  int
	grammar Grammar
	outside int       // the tag O
	begin   []int     // the tag B-X of each type
	inside  []int     // the tag I-X of each type
	logp    []float64 // (T, K)
	alpha   []float64 // (T, K): weight of all beginnings that end with this tag at this token
	beta    []float64 // (T, K): weight of all endings after it
	sum     typeSum   // scratch
}

func newLattice(s *Set, logp []float64, length int, g Grammar) *lattice {
	k, n := len(s.tags), len(s.types)
	l := &lattice{set: s, length: length, grammar: g, outside: s.tagIDs[Outside], begin: make([]int, n), inside: make([]int, n),
		logp: logp, alpha: make([]float64, length*k), beta: make([]float64, length*k),
		sum: newTypeSum(n)}
	for i, t := range s.types {
		l.begin[i], l.inside[i] = s.tagIDs["B-"+t.Name], s.tagIDs["I-"+t.Name]
	}
	l.forward()
	l.backward()
	return l
}

// row is the part of a (T, K) table that belongs to a token.
func (l *lattice) row(table []float64, t int) []float64 {
	k := len(l.set.tags)
	return table[t*k : (t+1)*k]
}

func (l *lattice) forward() {
	first := l.row(l.alpha, 0)
	copy(first, l.logp)
	for _, id := range l.inside {
		first[id] = math.Inf(-1)
	}
	for t := 1; t < l.length; t++ {
		before, now, logp := l.row(l.alpha, t-1), l.row(l.alpha, t), l.row(l.logp, t)
		for i := range l.begin {
			l.sum.parts[i] = logAdd(before[l.begin[i]], before[l.inside[i]])
		}
		all := l.sum.add(before[l.outside])
		now[l.outside] = all + logp[l.outside]
		if l.grammar.within(t) {
			now[l.outside] = before[l.outside] + logp[l.outside]
		}
		for i := range l.begin {
			b, in := l.begin[i], l.inside[i]
			now[in] = l.sum.parts[i] + logp[in]
			switch {
			case l.grammar.within(t):
				now[b] = math.Inf(-1)
			case l.grammar.Apart:
				now[b] = l.sum.but(i) + logp[b]
			default:
				now[b] = all + logp[b]
			}
		}
	}
}

func (l *lattice) backward() {
	for t := l.length - 2; t >= 0; t-- {
		now, logp, beta := l.row(l.beta, t), l.row(l.logp, t+1), l.row(l.beta, t+1)
		leave, all := l.leave(t)
		now[l.outside] = all
		if l.grammar.within(t + 1) {
			now[l.outside] = logp[l.outside] + beta[l.outside]
		}
		for i, in := range l.inside {
			now[in] = logAdd(leave(i), logp[in]+beta[in])
			now[l.begin[i]] = now[in]
		}
	}
}

// leave gives the weight of all endings after token t that do not go on with its span, if that is of type i; and all is
// that of those after a token outside of spans. The function is good until the next call.
func (l *lattice) leave(t int) (leave func(i int) float64, all float64) {
	if t == l.length-1 {
		return func(int) float64 { return 0 }, 0
	}
	if l.grammar.within(t + 1) {
		return func(int) float64 { return math.Inf(-1) }, math.Inf(-1)
	}
	logp, beta := l.row(l.logp, t+1), l.row(l.beta, t+1)
	for i, b := range l.begin {
		l.sum.parts[i] = logp[b] + beta[b]
	}
	all = l.sum.add(logp[l.outside] + beta[l.outside])
	if l.grammar.Apart {
		return l.sum.but, all
	}
	return func(int) float64 { return all }, all
}

// probability is the share of the sequences with exactly this span.
func (l *lattice) probability(r run) float64 {
	weight := l.row(l.alpha, r.first)[l.begin[r.typ]]
	for t := r.first + 1; t <= r.last; t++ {
		weight += l.row(l.logp, t)[l.inside[r.typ]]
	}
	leave, _ := l.leave(r.last)
	weight += leave(r.typ)
	all := math.Inf(-1)
	for _, w := range l.row(l.alpha, l.length-1) {
		all = logAdd(all, w)
	}
	return math.Max(0, math.Min(1, math.Exp(weight-all)))
}

// typeSum sums weights, one of a base and one of each type, all of them logarithms.
type typeSum struct {
	parts       []float64 // of the types
	base, top   float64   // top is the greatest weight
	left, right []float64 // sums of exp(weight - top): from the base to before a type, and from a type to the last
}

// leastSum is far above the numbers that float64 holds with fewer digits.
const leastSum = 1e-290

func newTypeSum(types int) typeSum {
	return typeSum{parts: make([]float64, types), left: make([]float64, types+1), right: make([]float64, types+1)}
}

// add sums base and the parts.
func (s *typeSum) add(base float64) float64 {
	s.base, s.top = base, max(base, slices.Max(s.parts))
	if math.IsInf(s.top, -1) {
		s.top = 0 // then all are sums of nothing
	}
	s.left[0] = math.Exp(base - s.top)
	for i, part := range s.parts {
		s.right[i] = math.Exp(part - s.top)
		s.left[i+1] = s.left[i] + s.right[i]
	}
	for i := len(s.parts) - 2; i >= 0; i-- {
		s.right[i] += s.right[i+1]
	}
	return s.top + math.Log(s.left[len(s.parts)])
}

// but is what add would give without the part of one type.
func (s *typeSum) but(typ int) float64 {
	if rest := s.left[typ] + s.right[typ+1]; rest >= leastSum {
		return s.top + math.Log(rest)
	}
	rest := s.base
	for i, part := range s.parts {
		if i != typ {
			rest = logAdd(rest, part)
		}
	}
	return rest
}

// logAdd is log(exp(a) + exp(b)).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
