package labels

import "math"

// lattice holds the weight of all legal tag sequences of a text, by the forward-backward algorithm (Rabiner 1989,
// doi:10.1109/5.18626) over the BIO grammar. A sequence weighs the product of its tags' probabilities.
type lattice struct {
	set       *Set
	length    int
	continues []bool
	begin     []int     // of each tag I-X or B-X: B-X
	inside    []int     // likewise: I-X
	logp      []float64 // (T, K)
	alpha     []float64 // (T, K): log weight of all beginnings that end with this tag at this token
	beta      []float64 // (T, K): log weight of all endings after it
}

func newLattice(s *Set, logp []float64, length int, continues []bool) *lattice {
	k := len(s.tags)
	l := &lattice{set: s, length: length, continues: continues, logp: logp, begin: make([]int, k), inside: make([]int, k),
		alpha: make([]float64, length*k), beta: make([]float64, length*k)}
	for id, tag := range s.tags {
		if tag.Prefix != O {
			l.begin[id], l.inside[id] = s.tagIDs["B-"+s.types[tag.Type].Name], s.tagIDs["I-"+s.types[tag.Type].Name]
		}
	}
	l.forward()
	l.backward()
	return l
}

// within reports whether token t goes on with a word.
func (l *lattice) within(t int) bool { return l.continues != nil && l.continues[t] }

func (l *lattice) forward() {
	k := len(l.set.tags)
	for t := range l.length {
		now := l.alpha[t*k : (t+1)*k]
		before, any := []float64(nil), 0.0
		if t > 0 {
			before = l.alpha[(t-1)*k : t*k]
			any = logSum(before)
		}
		for id, tag := range l.set.tags {
			in := any
			switch {
			case tag.Prefix == I && t == 0, tag.Prefix == B && t > 0 && l.within(t):
				in = math.Inf(-1)
			case tag.Prefix == I:
				in = logAdd(before[l.begin[id]], before[id])
			case tag.Prefix == O && t > 0 && l.within(t):
				in = before[id]
			}
			now[id] = in + l.logp[t*k+id]
		}
	}
}

func (l *lattice) backward() {
	k := len(l.set.tags)
	for t := l.length - 2; t >= 0; t-- {
		leave := l.leave(t)
		next := (t + 1) * k
		for id, tag := range l.set.tags {
			out := leave
			if tag.Prefix != O {
				in := l.inside[id]
				out = logAdd(leave, l.logp[next+in]+l.beta[next+in])
			} else if l.within(t + 1) {
				out = l.logp[next+id] + l.beta[next+id]
			}
			l.beta[t*k+id] = out
		}
	}
}

// leave is the log weight of all endings after token t that do not go on with its span.
func (l *lattice) leave(t int) float64 {
	if t == l.length-1 {
		return 0
	}
	if l.within(t + 1) {
		return math.Inf(-1)
	}
	k := len(l.set.tags)
	sum := math.Inf(-1)
	for id, tag := range l.set.tags {
		if tag.Prefix != I {
			sum = logAdd(sum, l.logp[(t+1)*k+id]+l.beta[(t+1)*k+id])
		}
	}
	return sum
}

// probability is the share of the sequences with exactly this span.
func (l *lattice) probability(r run) float64 {
	k := len(l.set.tags)
	name := l.set.types[r.typ].Name
	begin, inside := l.set.tagIDs["B-"+name], l.set.tagIDs["I-"+name]
	weight := l.alpha[r.first*k+begin]
	for t := r.first + 1; t <= r.last; t++ {
		weight += l.logp[t*k+inside]
	}
	weight += l.leave(r.last) - logSum(l.alpha[(l.length-1)*k:])
	return math.Max(0, math.Min(1, math.Exp(weight)))
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

func logSum(values []float64) float64 {
	highest := math.Inf(-1)
	for _, v := range values {
		highest = math.Max(highest, v)
	}
	if math.IsInf(highest, -1) {
		return highest
	}
	sum := 0.0
	for _, v := range values {
		sum += math.Exp(v - highest)
	}
	return highest + math.Log(sum)
}
