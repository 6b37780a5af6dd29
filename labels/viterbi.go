package labels

import "math"

// Viterbi returns the legal BIO tag sequence with the greatest sum of scores.
//
// scores is row-major (T, K): T tokens in order of text, K = Len() scores a token, logits or log-probabilities. A row
// that is not finite counts as all equal. Legal means: I-X stands only after B-X or I-X. Ties go to the lower tag id.
//
// continues says of each token whether it goes on with the word of the token before it, as the pieces ##x do; then it is
// in the same span, or outside as well: no span begins or ends inside a word. nil means that every token is a word.
func (s *Set) Viterbi(scores []float32, continues []bool) []int {
	logp, length := s.logProbabilities(scores)
	if length == 0 {
		return nil
	}
	return s.bestPath(logp, length, continues)
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
// the best tag of all, and for each I-X the better of B-X and I-X before it.
func (s *Set) bestPath(logp []float64, length int, continues []bool) []int {
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
	before := s.predecessors()
	for t := 1; t < length; t++ {
		best := argmax(total)
		within := continues != nil && continues[t]
		for tag := range k {
			from := best
			switch prefix := s.tags[tag].Prefix; {
			case prefix == I:
				from = tag
				if b := before[tag]; total[b] > total[tag] || (total[b] == total[tag] && b < tag) {
					from = b
				}
			case prefix == O && within:
				from = tag
			}
			back[t*k+tag] = from
			next[tag] = total[from] + logp[t*k+tag]
			if within && s.tags[tag].Prefix == B {
				next[tag] = math.Inf(-1)
			}
		}
		total, next = next, total
	}
	path := make([]int, length)
	path[length-1] = argmax(total)
	for t := length - 1; t > 0; t-- {
		path[t-1] = back[t*k+path[t]]
	}
	return path
}

// predecessors gives for each I-X the id of B-X.
func (s *Set) predecessors() []int {
	before := make([]int, len(s.tags))
	for id, tag := range s.tags {
		if tag.Prefix == I {
			before[id] = s.tagIDs["B-"+s.types[tag.Type].Name]
		}
	}
	return before
}

func argmax(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

func logSoftmax(row []float32, out []float64) {
	highest := math.Inf(-1)
	for _, v := range row {
		highest = math.Max(highest, float64(v))
	}
	sum := 0.0
	for i, v := range row {
		out[i] = float64(v) - highest
		sum += math.Exp(out[i])
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		for i := range out {
			out[i] = -math.Log(float64(len(out)))
		}
		return
	}
	for i := range out {
		out[i] -= math.Log(sum)
	}
}
