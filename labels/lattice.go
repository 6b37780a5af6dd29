package labels

import "math"

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
	left    []float64 // scratch of allBut
	right   []float64
}

func newLattice(s *Set, logp []float64, length int, g Grammar) *lattice {
	k, n := len(s.tags), len(s.types)
	l := &lattice{set: s, length: length, grammar: g, outside: s.tagIDs[Outside], begin: make([]int, n), inside: make([]int, n),
		logp: logp, alpha: make([]float64, length*k), beta: make([]float64, length*k),
		left: make([]float64, n+1), right: make([]float64, n+1)}
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
		all, but := l.allBut(before[l.outside], func(i int) float64 { return logAdd(before[l.begin[i]], before[l.inside[i]]) })
		now[l.outside] = all + logp[l.outside]
		if l.grammar.within(t) {
			now[l.outside] = before[l.outside] + logp[l.outside]
		}
		for i := range l.begin {
			b, in := l.begin[i], l.inside[i]
			now[in] = logAdd(before[b], before[in]) + logp[in]
			switch {
			case l.grammar.within(t):
				now[b] = math.Inf(-1)
			case l.grammar.Apart:
				now[b] = but(i) + logp[b]
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
// that of those after a token outside of spans.
func (l *lattice) leave(t int) (leave func(i int) float64, all float64) {
	if t == l.length-1 {
		return func(int) float64 { return 0 }, 0
	}
	if l.grammar.within(t + 1) {
		return func(int) float64 { return math.Inf(-1) }, math.Inf(-1)
	}
	logp, beta := l.row(l.logp, t+1), l.row(l.beta, t+1)
	all, but := l.allBut(logp[l.outside]+beta[l.outside], func(i int) float64 { return logp[l.begin[i]] + beta[l.begin[i]] })
	if l.grammar.Apart {
		return but, all
	}
	return func(int) float64 { return all }, all
}

// allBut sums base and what part gives of every type, and tells what the sum is without one of them. The function is good
// until the next call.
func (l *lattice) allBut(base float64, part func(i int) float64) (all float64, but func(i int) float64) {
	n := len(l.begin)
	l.left[0], l.right[n] = base, math.Inf(-1)
	for i := range n {
		l.left[i+1] = logAdd(l.left[i], part(i))
	}
	if l.grammar.Apart {
		for i := n - 1; i >= 0; i-- {
			l.right[i] = logAdd(l.right[i+1], part(i))
		}
	}
	return l.left[n], func(i int) float64 { return logAdd(l.left[i], l.right[i+1]) }
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
