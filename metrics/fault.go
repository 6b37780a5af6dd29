package metrics

import "pii/labels"

// The kinds of Fault.
const (
	FaultMissed = "missed" // a gold span that no predicted span answers
	FaultFalse  = "false"  // a predicted span that answers no gold span
	FaultType   = "type"   // the borders are right, the type is not
	FaultBorder = "border" // the type is right, the borders are not
	FaultBoth   = "both"   // the spans only overlap
)

// Fault is one thing that the predictions of a transcript got wrong.
type Fault struct {
	Kind            string
	Gold, Predicted *labels.Span // nil where there is none
	Leaked          int          // characters of a gold span of personal data that no predicted span of personal data covers
}

// Faults lists what is wrong with the predictions of a transcript, by the pairs of Assign: the pairs in the order of their
// gold spans, then what was missed, then what was made up. The counts by kind are those of SemEval's strict scheme, where type,
// border and both are incorrect; the leaked characters add up to those that Redaction counts as gold and not covered, unless
// gold spans overlap.
func Faults(set *labels.Set, gold, predicted []labels.Span) []Fault {
	var hidden []labels.Span
	for _, span := range predicted {
		if set.PII(span.Label) {
			hidden = append(hidden, span)
		}
	}
	covered := stretchesOf(hidden)
	leaked := func(span labels.Span) int {
		if !set.PII(span.Label) {
			return 0
		}
		return span.End - span.Start - covered.sharedWith(stretches{span})
	}
	var faults []Fault
	a := Assign(gold, predicted)
	for _, pair := range a.Pairs {
		if pair.Gold != pair.Predicted {
			faults = append(faults, Fault{pair.kind(), &pair.Gold, &pair.Predicted, leaked(pair.Gold)})
		}
	}
	for _, span := range a.Missed {
		faults = append(faults, Fault{FaultMissed, &span, nil, leaked(span)})
	}
	for _, span := range a.Spurious {
		faults = append(faults, Fault{FaultFalse, nil, &span, 0})
	}
	return faults
}

func (p Pair) kind() string {
	switch {
	case sameBorders(p.Gold, p.Predicted):
		return FaultType
	case p.Gold.Label == p.Predicted.Label:
		return FaultBorder
	}
	return FaultBoth
}
