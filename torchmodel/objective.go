package torchmodel

import "fmt"

// Objective says what training minimises: the mean cross-entropy over the labelled tokens of a step, with the arithmetic of
// torch.nn.functional.cross_entropy. Its zero value is the plain mean.
type Objective struct {
	// LabelSmoothing is the share ε of the target that is spread over all K classes, in [0, 1) (Szegedy et al. 2016,
	// arXiv:1512.00567).
	LabelSmoothing float64
	// ClassWeights, one positive number a class, make the mean a weighted one: each token counts by the weight of its tag.
	// nil weighs all alike.
	ClassWeights []float64
}

func (o Objective) check(classes int) error {
	if !(o.LabelSmoothing >= 0 && o.LabelSmoothing < 1) {
		return fmt.Errorf("label smoothing is %v; it must be in [0, 1)", o.LabelSmoothing)
	}
	if o.ClassWeights != nil && len(o.ClassWeights) != classes {
		return fmt.Errorf("%d class weights for %d classes", len(o.ClassWeights), classes)
	}
	for class, w := range o.ClassWeights {
		if !(w > 0) {
			return fmt.Errorf("the weight of class %d is %v; it must be positive", class, w)
		}
	}
	return nil
}

// weightOf is the sum of the weights of the labelled tokens of rows; without class weights, their number.
func (o Objective) weightOf(rows []Row) float64 {
	if o.ClassWeights == nil {
		return float64(countLabelled(rows))
	}
	sum := 0.0
	for _, row := range rows {
		for _, tag := range row.Tags {
			if tag >= 0 && int(tag) < len(o.ClassWeights) {
				sum += o.ClassWeights[tag]
			}
		}
	}
	return sum
}
