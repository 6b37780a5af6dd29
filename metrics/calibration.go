package metrics

import (
	"fmt"
	"math"
)

// reliabilityBins is how many bins of equal width a Reliability has.
const reliabilityBins = 15

// Reliability holds how sure a model was against how often it was right (Guo et al. 2017, "On calibration of modern neural
// networks", arXiv:1706.04599).
type Reliability struct {
	Count int `json:"count"`
	// ECE is the expected calibration error: the mean over the bins of the distance between confidence and accuracy, weighted
	// by the bins' counts. nil where nothing was counted.
	ECE  *float64         `json:"ece"`
	Bins []ReliabilityBin `json:"bins"` // those that are not empty
}

// ReliabilityBin is what has a confidence in (From, To]; 0 itself is in the first bin.
type ReliabilityBin struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	Count      int     `json:"count"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   float64 `json:"accuracy"`   // share that is right
}

// Judged is an answer of a model: how sure it was, in [0, 1], and whether it was right.
type Judged struct {
	Score float64
	Right bool
}

// NewReliability sorts answers into 15 bins of equal width.
func NewReliability(answers []Judged) Reliability {
	var sums [reliabilityBins]struct{ score, right, count float64 }
	for _, a := range answers {
		bin := int(math.Ceil(a.Score*reliabilityBins)) - 1
		s := &sums[min(max(bin, 0), reliabilityBins-1)]
		s.score, s.count = s.score+a.Score, s.count+1
		if a.Right {
			s.right++
		}
	}
	r := Reliability{Count: len(answers), Bins: []ReliabilityBin{}}
	distance := 0.0
	for i, s := range sums {
		if s.count == 0 {
			continue
		}
		distance += math.Abs(s.score - s.right)
		r.Bins = append(r.Bins, ReliabilityBin{float64(i) / reliabilityBins, float64(i+1) / reliabilityBins, int(s.count),
			s.score / s.count, s.right / s.count})
	}
	if r.Count > 0 {
		ece := distance / float64(r.Count)
		r.ECE = &ece
	}
	return r
}

// Logits are the scores of tokens with their right classes.
type Logits struct {
	Classes int       // K
	Scores  []float32 // row-major (T, K)
	Targets []int     // the right class of each token
}

// row is the scores of one token.
func (l Logits) row(t int) []float32 { return l.Scores[t*l.Classes : (t+1)*l.Classes] }

// Check finds scores and targets that do not fit each other.
func (l Logits) Check() error {
	if l.Classes < 1 || len(l.Scores) != len(l.Targets)*l.Classes {
		return fmt.Errorf("calibration: %d scores for %d tokens of %d classes", len(l.Scores), len(l.Targets), l.Classes)
	}
	for _, target := range l.Targets {
		if target < 0 || target >= l.Classes {
			return fmt.Errorf("calibration: there is no class %d of %d", target, l.Classes)
		}
	}
	return nil
}

// At judges the most probable class of each token at a temperature: its probability, and whether it is the target.
func (l Logits) At(temperature float64) []Judged {
	answers := make([]Judged, len(l.Targets))
	for t, target := range l.Targets {
		best := l.Best(t)
		sum, _, _ := moments(l.row(t), float64(l.row(t)[best]), 1/temperature)
		answers[t] = Judged{1 / sum, best == target}
	}
	return answers
}

// Best is the first of the classes with the greatest score of a token.
func (l Logits) Best(token int) int {
	row := l.row(token)
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

// moments are those of the scores under softmax(beta·row): the sum of exp(beta·(score-highest)), and mean and variance of
// score-highest.
func moments(row []float32, highest, beta float64) (sum, mean, variance float64) {
	first, second := 0.0, 0.0
	for _, v := range row {
		d := float64(v) - highest
		w := math.Exp(beta * d)
		sum, first, second = sum+w, first+w*d, second+w*d*d
	}
	mean = first / sum
	return sum, mean, second/sum - mean*mean
}

// NLL is the mean negative log-likelihood of the targets, in nats a token, where the scores are divided by a temperature.
func (l Logits) NLL(temperature float64) float64 {
	loss, _, _ := l.loss(1 / temperature)
	return loss / float64(len(l.Targets))
}

// loss is the summed negative log-likelihood under softmax(beta·scores), with its derivatives by beta: it is
// Σ log Σₖ exp(beta·zₖ) − beta·z_target, whose slope is E[z] − z_target and whose curvature is Var[z], so it is convex.
func (l Logits) loss(beta float64) (loss, slope, curvature float64) {
	for t, target := range l.Targets {
		highest := float64(l.row(t)[l.Best(t)])
		sum, mean, variance := moments(l.row(t), highest, beta)
		d := float64(l.row(t)[target]) - highest
		loss, slope, curvature = loss+math.Log(sum)-beta*d, slope+mean-d, curvature+variance
	}
	return loss, slope, curvature
}

// The temperatures that Temperature looks among.
const (
	lowestTemperature  = 0.1
	highestTemperature = 10
)

// Temperature is what scores are to be divided by for the least NLL, between 0.1 and 10 (temperature scaling, Guo et al. 2017).
// Where every token's target has the highest score, NLL only falls as the temperature does; nothing is known of how sure the
// model may be, and it is 1.
func (l Logits) Temperature() float64 {
	wrong := false
	for t, target := range l.Targets {
		wrong = wrong || l.row(t)[target] < l.row(t)[l.Best(t)]
	}
	if !wrong {
		return 1
	}
	return 1 / l.bestBeta()
}

// bestBeta finds where the slope of the loss is 0: Newton's steps, and halves of the interval where these lead out of it.
func (l Logits) bestBeta() float64 {
	low, high := 1.0/highestTemperature, 1.0/lowestTemperature
	beta := 1.0
	for range 100 {
		_, slope, curvature := l.loss(beta)
		if slope > 0 {
			high = beta
		} else {
			low = beta
		}
		next := beta - slope/curvature
		if !(next > low && next < high) { // also where the curvature is 0
			next = (low + high) / 2
		}
		if math.Abs(next-beta) <= 1e-12*beta {
			break
		}
		beta = next
	}
	return beta
}
