package synth

import "fmt"

// DefaultSeed is the seed of the sets that ship with the program.
const DefaultSeed int64 = 20240611

// Config holds every rate of the generator. A rate is a probability in [0, 1] unless its comment says otherwise.
type Config struct {
	Sizes   Sizes   `json:"sizes" yaml:"sizes"`
	Compose Compose `json:"compose" yaml:"compose"`
	Style   Style   `json:"style" yaml:"style"`
	Noise   Noise   `json:"noise" yaml:"noise"`
	Values  Values  `json:"values" yaml:"values"`
}

// Sizes says how many transcripts each set has.
type Sizes struct {
	Train  int `json:"train" yaml:"train"`
	Dev    int `json:"dev" yaml:"dev"`
	Test   int `json:"test" yaml:"test"`
	Stress int `json:"stress" yaml:"stress"`
}

// Compose says how a transcript is put together from frames.
type Compose struct {
	Entities   []float64    `json:"entities" yaml:"entities"`       // weights of asking for 0, 1, 2, … entities
	Types      []TypeWeight `json:"types" yaml:"types"`             // which entity a frame is chosen for
	Open       float64      `json:"open" yaml:"open"`               // begins with an opener
	Close      float64      `json:"close" yaml:"close"`             // ends with a closer
	Ask        float64      `json:"ask" yaml:"ask"`                 // an entity is the answer to an agent's question
	Refuse     float64      `json:"refuse" yaml:"refuse"`           // without entities: a question that gets no answer
	Distract   float64      `json:"distract" yaml:"distract"`       // a clause without entities after one with
	LookAlike  float64      `json:"lookalike" yaml:"lookalike"`     // such a clause has a look-alike
	Join       float64      `json:"join" yaml:"join"`               // something is said between two clauses, "and", "anyway"
	JoinEntity float64      `json:"join_entity" yaml:"join_entity"` // the same where an entity ends or begins there
	Turns      float64      `json:"turns" yaml:"turns"`             // speakers are named, "agent … customer …"
}

// TypeWeight is how often, beside the others, a type is asked for.
type TypeWeight struct {
	Label  string  `json:"label" yaml:"label"`
	Weight float64 `json:"weight" yaml:"weight"`
}

// Style says how a recogniser writes what it hears. It is drawn once a transcript.
type Style struct {
	Written       float64 `json:"written" yaml:"written"` // with casing, punctuation or both
	Upper         float64 `json:"upper" yaml:"upper"`     // all in capitals
	NoApostrophes float64 `json:"no_apostrophes" yaml:"no_apostrophes"`
	SpokenNumbers float64 `json:"spoken_numbers" yaml:"spoken_numbers"` // numbers as words: "four two"
	MixedNumbers  float64 `json:"mixed_numbers" yaml:"mixed_numbers"`   // now words, now numerals; the rest is numerals
	WrittenEmail  float64 `json:"written_email" yaml:"written_email"`   // "a.b@c.d" where numbers are numerals
	CleanLines    float64 `json:"clean_lines" yaml:"clean_lines"`       // transcripts without any noise
}

// Noise holds the rates of noise a word, before the transcript's own loudness (0 to 2) is multiplied in.
type Noise struct {
	Filler       float64 `json:"filler" yaml:"filler"`               // "um" before a word outside entities
	EntityFiller float64 `json:"entity_filler" yaml:"entity_filler"` // "um" between two words of an entity
	Repeat       float64 `json:"repeat" yaml:"repeat"`               // "my my number"
	Stutter      float64 `json:"stutter" yaml:"stutter"`             // "nu number", outside entities
	Drop         float64 `json:"drop" yaml:"drop"`                   // a small word outside entities is not heard
	Substitute   float64 `json:"substitute" yaml:"substitute"`       // another word is heard, outside entities
	Misspell     float64 `json:"misspell" yaml:"misspell"`           // a letter is wrong
	NameMisspell float64 `json:"name_misspell" yaml:"name_misspell"` // a letter is wrong in a name or a place
}

// Values says what entities and look-alikes are like.
type Values struct {
	InventedNames   float64 `json:"invented_names" yaml:"invented_names"`     // names on no list, but for the stress set
	Syllables       float64 `json:"syllables" yaml:"syllables"`               // such a name is made of syllables; the others sound like those of a list
	InventedCities  float64 `json:"invented_cities" yaml:"invented_cities"`   // cities on no list, but for the stress set
	InventedDomains float64 `json:"invented_domains" yaml:"invented_domains"` // mail domains on no list, but for the stress set
	InventedNicks   float64 `json:"invented_nicks" yaml:"invented_nicks"`     // what is neither name nor on a list in a mail address
	CountryCode     float64 `json:"country_code" yaml:"country_code"`         // a phone number begins with one
	SpelledLocal    float64 `json:"spelled_local" yaml:"spelled_local"`       // a mail address is spelled letter by letter
	AtTheRate       float64 `json:"at_the_rate" yaml:"at_the_rate"`           // @ is said "at the rate"
	Double          float64 `json:"double" yaml:"double"`                     // 77 is said "double seven"
	Year            float64 `json:"year" yaml:"year"`                         // a date has its year
	Weekday         float64 `json:"weekday" yaml:"weekday"`                   // a date has its day of the week
}

// DefaultConfig is the configuration of the sets that ship with the program.
func DefaultConfig() Config {
	return Config{
		Sizes: Sizes{Train: 6000, Dev: 600, Test: 600, Stress: 600},
		Compose: Compose{
			Entities: []float64{26, 23, 25, 16, 10},
			Types: []TypeWeight{
				{"PERSON_NAME", 24}, {"PHONE", 16}, {"EMAIL", 13}, {"CREDIT_CARD", 12}, {"DATE", 15}, {"CITY", 11}, {"LOCATION", 9},
			},
			Open: 0.3, Close: 0.22, Ask: 0.16, Refuse: 0.15, Distract: 0.28, LookAlike: 0.5, Join: 0.35, JoinEntity: 0.9, Turns: 0.06,
		},
		Style: Style{Written: 0.13, Upper: 0.01, NoApostrophes: 0.25, SpokenNumbers: 0.45, MixedNumbers: 0.12, WrittenEmail: 0.3, CleanLines: 0.25},
		Noise: Noise{Filler: 0.022, EntityFiller: 0.01, Repeat: 0.01, Stutter: 0.003, Drop: 0.03, Substitute: 0.002, Misspell: 0.008, NameMisspell: 0.015},
		Values: Values{
			InventedNames: 0.4, Syllables: 0.25, InventedCities: 0.35, InventedDomains: 0.6, InventedNicks: 0.6,
			CountryCode: 0.22, SpelledLocal: 0.1, AtTheRate: 0.16, Double: 0.45, Year: 0.55, Weekday: 0.08,
		},
	}
}

// Check names the first value that cannot be used.
func (c Config) Check() error {
	sum := 0.0
	for _, w := range c.Compose.Entities {
		if w < 0 {
			return fmt.Errorf("compose.entities: a weight is below 0")
		}
		sum += w
	}
	if sum <= 0 {
		return fmt.Errorf("compose.entities: all weights are 0")
	}
	sum = 0
	for _, t := range c.Compose.Types {
		if t.Weight < 0 {
			return fmt.Errorf("compose.types: the weight of %s is below 0", t.Label)
		}
		sum += t.Weight
	}
	if sum <= 0 {
		return fmt.Errorf("compose.types: all weights are 0")
	}
	for _, r := range c.rates() {
		if !(r.value >= 0 && r.value <= 1) {
			return fmt.Errorf("%s: %g is not between 0 and 1", r.name, r.value)
		}
	}
	return nil
}

type rate struct {
	name  string
	value float64
}

func (c Config) rates() []rate {
	m, s, n, v := c.Compose, c.Style, c.Noise, c.Values
	return []rate{
		{"compose.open", m.Open}, {"compose.close", m.Close}, {"compose.ask", m.Ask}, {"compose.refuse", m.Refuse},
		{"compose.distract", m.Distract}, {"compose.lookalike", m.LookAlike}, {"compose.turns", m.Turns},
		{"compose.join", m.Join}, {"compose.join_entity", m.JoinEntity},
		{"style.written", s.Written}, {"style.upper", s.Upper}, {"style.no_apostrophes", s.NoApostrophes},
		{"style.spoken_numbers", s.SpokenNumbers}, {"style.mixed_numbers", s.MixedNumbers},
		{"style.written_email", s.WrittenEmail}, {"style.clean_lines", s.CleanLines},
		{"noise.filler", n.Filler}, {"noise.entity_filler", n.EntityFiller}, {"noise.repeat", n.Repeat},
		{"noise.stutter", n.Stutter}, {"noise.drop", n.Drop}, {"noise.substitute", n.Substitute}, {"noise.misspell", n.Misspell},
		{"noise.name_misspell", n.NameMisspell},
		{"values.invented_names", v.InventedNames}, {"values.syllables", v.Syllables}, {"values.invented_cities", v.InventedCities},
		{"values.invented_domains", v.InventedDomains}, {"values.invented_nicks", v.InventedNicks},
		{"values.country_code", v.CountryCode}, {"values.spelled_local", v.SpelledLocal}, {"values.at_the_rate", v.AtTheRate},
		{"values.double", v.Double}, {"values.year", v.Year}, {"values.weekday", v.Weekday},
	}
}
