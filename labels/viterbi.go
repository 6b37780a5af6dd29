package labels

import "math"

// Grammar says which tag sequences are legal beyond BIO, where I-X stands only after B-X or I-X.
type Grammar struct {
	// Continues says of each token whether it goes on with the word of the token before it, as the pieces ##x do; then it
	// is in the same span, or outside as well: no span begins or ends inside a word. nil means that every token is a word.
	Continues []bool
	// Apart says that no two spans of one type touch: B-X does not stand after B-X or I-X.
	Apart bool
}

// within reports whether token t goes on with a word.
func (g Grammar) within(t int) bool { return t > 0 && g.Continues != nil && g.Continues[t] }

// Viterbi returns the legal tag sequence with the greatest sum of scores.
//
// scores is row-major (T, K): T tokens in order of text, K = Len() scores a token, logits or log-probabilities. A row
// that is not finite counts as all equal. Ties go to the lower tag id.
func (s *Set) Viterbi(scores []float32, g Grammar) []int {
	logp, length := s.logProbabilities(scores)
	if length == 0 {
		return nil
	}
	return s.bestPath(logp, length, g)
}

// logProbabilities is the softmax of each row, and the number of rows.
func (s *Set) logProbabilities(scores []float32) (logp []float64, length int) {
	k := len(s.tags)
	length = len(scores) / k
	logp = make([]float64, length*k)
	for t := range length {
		logSoftmax(scores[t*k:(t+1)*k], logp[t*k:(t+1)*k])
	}
	return logp, length
}

// bestPath is Viterbi's recursion. Transitions cost nothing or are forbidden, so it is enough to know, for each step,
// the best tag of all, the best one that is not of its type, and for each I-X the better of B-X and I-X before it.
func (s *Set) bestPath(logp []float64, length int, g Grammar) []int {
	k := len(s.tags)
	back := make([]int, length*k)
	total := make([]float64, k)
	next := make([]float64, k)
	for tag := range k {
		total[tag] = logp[tag]
		if s.tags[tag].Prefix == I {
			total[tag] = math.Inf(-1)
		}
	}
	begin := s.beginnings()
	for t := 1; t < length; t++ {
		best := s.bestBut(total, -2)
		other := s.bestBut(total, s.tags[best].Type)
		for tag := range k {
			from := best
			switch {
			case s.tags[tag].Prefix == I:
				from = tag
				if b := begin[tag]; total[b] > total[tag] || (total[b] == total[tag] && b < tag) {
					from = b
				}
			case s.tags[tag].Prefix == O && g.within(t):
				from = tag
			case s.tags[tag].Prefix == B && g.Apart && s.tags[best].Type == s.tags[tag].Type:
				from = other
			}
			back[t*k+tag] = from
			next[tag] = total[from] + logp[t*k+tag]
			if s.tags[tag].Prefix == B && g.within(t) {
				next[tag] = math.Inf(-1)
			}
		}
		total, next = next, total
	}
	path := make([]int, length)
	path[length-1] = s.bestBut(total, -2)
	for t := length - 1; t > 0; t-- {
		path[t-1] = back[t*k+path[t]]
	}
	return path
}

// bestBut is the first of the tags with the greatest value among those that are not of this type.
func (s *Set) bestBut(values []float64, typ int) int {
	best := -1
	for id, v := range values {
		if s.tags[id].Type != typ && (best < 0 || v > values[best]) {
			best = id
		}
	}
	return best
}

// beginnings gives for each B-X and I-X the id of B-X.
func (s *Set) beginnings() []int {
	begin := make([]int, len(s.tags))
	for id, tag := range s.tags {
		if tag.Prefix != O {
			begin[id] = s.tagIDs["B-"+s.types[tag.Type].Name]
		}
	}
	return begin
}

func logSoftmax(row []float32, out []float64) {
	highest := math.Inf(-1)
	for _, v := range row {
		highest = max(highest, float64(v))
	}
	sum := 0.0
	for i, v := range row {
		out[i] = float64(v) - highest
		sum += math.Exp(out[i])
	}
	whole := math.Log(sum)
	if math.IsNaN(whole) || math.IsInf(whole, 0) {
		for i := range out {
			out[i] = -math.Log(float64(len(out)))
		}
		return
	}
	for i := range out {
		out[i] -= whole
	}
}
