// Package rules helps a model that has found spans: rules of thumb about the form of cards, phones and e-mail addresses, which
// make the model's confidence higher or lower, and lists of phrases that are always or never reported.
//
// It knows neither a model nor a tokenizer. Nothing it returns or says quotes a text.
package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Helper is a rule about the form of spans of one kind. It neither finds spans nor changes where they begin and end.
type Helper struct {
	Name   string   // as in the setting helpers: card
	labels []string // what it judges, by the names that types of the kind go by
	shift  func(text string) float64
}

// What a form tells, in log-odds: 1 makes a span 2.7 times as likely, 2 makes it 7.4 times, -3 makes it 20 times less likely. They
// are fixed, and small enough that a model which is sure is not overruled: 0.99 with impossible becomes 0.83.
const (
	proven     = 2.0 // the check digit is right: of random digits, one number in ten
	fitting    = 0.5
	unlikely   = -1.0
	impossible = -3.0
)

var helpers = []Helper{
	{"card", []string{"CREDIT_CARD", "CREDITCARD", "CREDITCARDNUMBER", "CREDIT_CARD_NUMBER", "CARD", "CARD_NUMBER"}, card},
	{"phone", []string{"PHONE", "PHONE_NUMBER", "PHONENUMBER", "TELEPHONE", "TELEPHONENUM"}, phone},
	{"email", []string{"EMAIL", "EMAIL_ADDRESS", "EMAILADDRESS"}, email},
}

// HelperNames lists the helpers that there are.
func HelperNames() []string {
	var names []string
	for _, h := range helpers {
		names = append(names, h.Name)
	}
	return names
}

// Helpers are those of the given names.
type Helpers []Helper

// NewHelpers finds helpers by their names.
func NewHelpers(names []string) (Helpers, error) {
	var list Helpers
	for _, name := range names {
		i := slices.IndexFunc(helpers, func(h Helper) bool { return h.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no helper %q; there are %s", name, strings.Join(HelperNames(), ", "))
		}
		list = append(list, helpers[i])
	}
	return list, nil
}

// Judge is the score of a span after the helpers for its label have looked at its text: the model's score, a probability, whose
// log-odds were shifted. Without a helper for it, or where its form tells nothing, it is the score itself.
func (l Helpers) Judge(label, text string, score float64) float64 {
	for _, h := range l {
		if slices.Contains(h.labels, strings.ToUpper(label)) {
			score = Shift(score, h.shift(text))
		}
	}
	return score
}

// Shift adds to the log-odds of a probability. It is monotone in both; 0 and 1 stay what they are.
func Shift(score, by float64) float64 {
	if by == 0 || score <= 0 || score >= 1 {
		return score
	}
	return 1 / (1 + math.Exp(-by)*(1-score)/score)
}
