package formats

import "strings"

// known says what labels of other tools are called here, where Options.Map does not say it. One table does for all formats: the
// names do not contradict each other, and labels in doccano, Label Studio and Prodigy are anybody's choice. What is in it applies
// only if the label set has the label.
var known = map[string]string{
	// CoNLL-2003, OntoNotes and spaCy
	"PER": "PERSON_NAME", "PERSON": "PERSON_NAME", "NAME": "PERSON_NAME",
	"LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION",

	// presidio: https://microsoft.github.io/presidio/supported_entities, and the templates of presidio-evaluator; DATE_TIME is
	// also a time without a date
	"EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "DATE_TIME": "DATE", "STREET_ADDRESS": "LOCATION",
	"CREDIT_CARD_NUMBER": "CREDIT_CARD",

	// ai4privacy, from pii-masking-200k to open-pii-masking-500k
	"FIRSTNAME": "PERSON_NAME", "MIDDLENAME": "PERSON_NAME", "LASTNAME": "PERSON_NAME", "SURNAME": "PERSON_NAME",
	"GIVENNAME": "PERSON_NAME", "GIVENNAME1": "PERSON_NAME", "GIVENNAME2": "PERSON_NAME",
	"LASTNAME1": "PERSON_NAME", "LASTNAME2": "PERSON_NAME", "LASTNAME3": "PERSON_NAME",
	"TEL": "PHONE", "PHONENUMBER": "PHONE", "TELEPHONENUM": "PHONE",
	"CREDITCARDNUMBER": "CREDIT_CARD", "CREDITCARD": "CREDIT_CARD",
	"DOB": "DATE", "BOD": "DATE", "DATEOFBIRTH": "DATE",
	"STREET": "LOCATION", "STREETADDRESS": "LOCATION", "COUNTY": "LOCATION", "STATE": "LOCATION", "COUNTRY": "LOCATION",
}

// fold makes one of the ways in which people write a label: "Person name" is PERSON_NAME.
func fold(label string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToUpper(label))
}

// rename gives the label that one of the file comes to have: what Map says; itself, if the set has it, also in other letters;
// what the table says. ok is false where the label is unknown; the empty label is left out on purpose.
func (o Options) rename(label string) (renamed string, ok bool) {
	if to, ok := o.Map[label]; ok {
		return to, true
	}
	for _, to := range []string{label, fold(label), known[fold(label)]} {
		if o.Labels.Has(to) {
			return to, true
		}
	}
	return "", false
}
