package synth

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"pii/labels"
)

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

	Numbers int `json:"numbers" yaml:"numbers"` // talk full of numbers, without any entity

	Written    bool `json:"written" yaml:"written"`       // those written by hand are added to train and dev
	Variations int  `json:"variations" yaml:"variations"` // of each of those, added to train
}

// Compose says how a transcript is put together from frames.
type Compose struct {
	Registers  []Register `json:"registers" yaml:"registers"`     // in which manner people speak
	Entities   []float64  `json:"entities" yaml:"entities"`       // weights of asking for 0, 1, 2, … entities
	Types      []Weight   `json:"types" yaml:"types"`             // which entity a frame is chosen for
	Open       float64    `json:"open" yaml:"open"`               // begins with an opener
	Close      float64    `json:"close" yaml:"close"`             // ends with a closer
	Ask        float64    `json:"ask" yaml:"ask"`                 // an entity is the answer to an agent's question
	Refuse     float64    `json:"refuse" yaml:"refuse"`           // without entities: a question that gets no answer
	Distract   float64    `json:"distract" yaml:"distract"`       // a clause without entities after one with
	LookAlike  float64    `json:"lookalike" yaml:"lookalike"`     // such a clause has a look-alike
	Join       float64    `json:"join" yaml:"join"`               // something is said between two clauses, "and", "anyway"
	JoinEntity float64    `json:"join_entity" yaml:"join_entity"` // the same where an entity ends or begins there
	Longer     float64    `json:"longer" yaml:"longer"`           // more follows when a transcript could end, again and again
	Turns      float64    `json:"turns" yaml:"turns"`             // speakers are named, "agent … customer …"
}

// Register is a manner of speaking, a file of frames.
type Register struct {
	Name   string  `json:"name" yaml:"name"`
	Weight float64 `json:"weight" yaml:"weight"` // how often, beside the others
	Alone  float64 `json:"alone" yaml:"alone"`   // a transcript is one clause
	Script float64 `json:"script" yaml:"script"` // a transcript is one of the written dialogues
}

// Weight is how often, beside the others, something is chosen.
type Weight struct {
	Name   string  `json:"name" yaml:"name"`
	Weight float64 `json:"weight" yaml:"weight"`
}

// Style says how a recogniser writes what it hears. It is drawn once a transcript.
type Style struct {
	Written       float64 `json:"written" yaml:"written"`               // with casing, punctuation or both
	Upper         float64 `json:"upper" yaml:"upper"`                   // all in capitals
	NoApostrophes float64 `json:"no_apostrophes" yaml:"no_apostrophes"` // "dont"
	Split         float64 `json:"split" yaml:"split"`                   // "don 't", "don t"
	SpokenNumbers float64 `json:"spoken_numbers" yaml:"spoken_numbers"` // numbers as words: "four two"
	MixedNumbers  float64 `json:"mixed_numbers" yaml:"mixed_numbers"`   // now words, now numerals; the rest is numerals
	HindiNumbers  float64 `json:"hindi_numbers" yaml:"hindi_numbers"`   // digits in Hindi, in the register hinglish
	WrittenEmail  float64 `json:"written_email" yaml:"written_email"`   // "a.b@c.d" where numbers are numerals
	HalfEmail     float64 `json:"half_email" yaml:"half_email"`         // "a dot b at c.d"
	CleanLines    float64 `json:"clean_lines" yaml:"clean_lines"`       // transcripts without any noise
}

// Noise holds the rates of noise a word, before the transcript's own loudness (0 to 2) is multiplied in.
type Noise struct {
	Filler       float64 `json:"filler" yaml:"filler"`               // "um" before a word outside entities
	EntityFiller float64 `json:"entity_filler" yaml:"entity_filler"` // "um" between two words of an entity
	Repeat       float64 `json:"repeat" yaml:"repeat"`               // "my my number"
	Stutter      float64 `json:"stutter" yaml:"stutter"`             // "nu number", outside entities
	Restart      float64 `json:"restart" yaml:"restart"`             // "can i can i have", outside entities
	Drop         float64 `json:"drop" yaml:"drop"`                   // a small word outside entities is not heard
	Substitute   float64 `json:"substitute" yaml:"substitute"`       // another word is heard, outside entities
	Variant      float64 `json:"variant" yaml:"variant"`             // a word is written as lists/variants.txt has it, outside entities
	Misspell     float64 `json:"misspell" yaml:"misspell"`           // a letter is wrong
	NameMisspell float64 `json:"name_misspell" yaml:"name_misspell"` // a letter is wrong in a name or a place
	Homophone    float64 `json:"homophone" yaml:"homophone"`         // a digit is misheard as a word, "to" for "two"
	SplitJoin    float64 `json:"split_join" yaml:"split_join"`       // a name or place is split in two words, or two are joined
	Sign         float64 `json:"sign" yaml:"sign"`                   // an odd sign follows: an emoji, "[noise]", "…"
}

// Values says what entities and look-alikes are like.
type Values struct {
	Cultures        []Weight `json:"cultures" yaml:"cultures"`                 // where names are at home
	InventedNames   float64  `json:"invented_names" yaml:"invented_names"`     // names on no list, but for the stress set
	Syllables       float64  `json:"syllables" yaml:"syllables"`               // such a name is made of syllables; the others sound like those of a list
	InventedCities  float64  `json:"invented_cities" yaml:"invented_cities"`   // cities on no list, but for the stress set
	RarePlaces      float64  `json:"rare_places" yaml:"rare_places"`           // cities, areas, landmarks and regions of the lists rare_*, but for the stress set
	InventedDomains float64  `json:"invented_domains" yaml:"invented_domains"` // mail domains on no list, but for the stress set
	InventedNouns   float64  `json:"invented_nouns" yaml:"invented_nouns"`     // ordinary things on no list, but for the stress set
	InventedBrands  float64  `json:"invented_brands" yaml:"invented_brands"`   // firms on no list, but for the stress set
	InventedNicks   float64  `json:"invented_nicks" yaml:"invented_nicks"`     // what is neither name nor on a list in a mail address
	FalseStart      float64  `json:"false_start" yaml:"false_start"`           // a name is begun twice, "pra pradeep"
	CountryCode     float64  `json:"country_code" yaml:"country_code"`         // a phone number begins with one
	SpelledLocal    float64  `json:"spelled_local" yaml:"spelled_local"`       // a mail address is spelled letter by letter
	AtTheRate       float64  `json:"at_the_rate" yaml:"at_the_rate"`           // @ is said "at the rate" or otherwise
	Extension       float64  `json:"extension" yaml:"extension"`               // a phone number has one
	Double          float64  `json:"double" yaml:"double"`                     // 77 is said "double seven"
	RegularDigits   float64  `json:"regular_digits" yaml:"regular_digits"`     // a number is made up, of runs or digits in order
	Corrected       float64  `json:"corrected" yaml:"corrected"`               // a digit of a number is taken back, "five no sorry nine"
	Interrupted     float64  `json:"interrupted" yaml:"interrupted"`           // something is said between two groups of a number, a group
	HalfSaid        float64  `json:"half_said" yaml:"half_said"`               // a phone or card number is begun, broken off and begun anew; never in the shipped sets
	TakenBack       float64  `json:"taken_back" yaml:"taken_back"`             // an entity is said, taken back, and another said; never in the shipped sets
	Hash            float64  `json:"hash" yaml:"hash"`                         // "hash" before the number of an order or an account; never in the shipped sets
	NumericDate     float64  `json:"numeric_date" yaml:"numeric_date"`         // a date is said or written in numbers alone
	Year            float64  `json:"year" yaml:"year"`                         // a date has its year
	Weekday         float64  `json:"weekday" yaml:"weekday"`                   // a date has its day of the week
}

// DefaultConfig is the configuration of the sets that ship with the program.
func DefaultConfig() Config {
	return Config{
		Sizes: Sizes{Train: 9000, Dev: 800, Test: 800, Stress: 800, Numbers: 2000, Written: true},
		Compose: Compose{
			Registers: []Register{
				{"general", 30, 0.1, 0}, {"service", 24, 0.15, 0.35}, {"assistant", 14, 1, 0}, {"casual", 12, 0.45, 0},
				{"work", 8, 0.4, 0.3}, {"indian", 8, 0.3, 0.2}, {"hinglish", 8, 0.45, 0.1}, {"numbers", 12, 0.5, 0}, {"narrative", 9, 0.7, 0},
			},
			Entities: []float64{34, 27, 21, 11, 7},
			Types: []Weight{
				{"PERSON_NAME", 28}, {"PHONE", 15}, {"EMAIL", 12}, {"CREDIT_CARD", 10}, {"DATE", 15}, {"CITY", 11}, {"LOCATION", 9},
			},
			Open: 0.25, Close: 0.18, Ask: 0.16, Refuse: 0.12, Distract: 0.25, LookAlike: 0.5, Join: 0.35, JoinEntity: 0.7, Longer: 0.1, Turns: 0.06,
		},
		Style: Style{Written: 0.28, Upper: 0.01, NoApostrophes: 0.22, Split: 0.05, SpokenNumbers: 0.5, MixedNumbers: 0.12, HindiNumbers: 0.5, WrittenEmail: 0.3,
			HalfEmail: 0.12, CleanLines: 0.3},
		Noise: Noise{Filler: 0.02, EntityFiller: 0.01, Repeat: 0.008, Stutter: 0.003, Restart: 0.003, Drop: 0.03, Substitute: 0.002, Variant: 0.03,
			Misspell: 0.006, NameMisspell: 0.012, Homophone: 0.01, SplitJoin: 0.006, Sign: 0.002},
		Values: Values{
			Cultures: []Weight{
				{"mixed", 35}, {"english", 22}, {"indian", 20}, {"south indian", 6}, {"muslim", 9}, {"hispanic", 9}, {"chinese", 4}, {"japanese", 3},
				{"korean", 2}, {"vietnamese", 2}, {"african", 6}, {"european", 9}, {"west asian", 4}, {"pacific", 3},
			},
			InventedNames: 0.25, Syllables: 0.2, InventedCities: 0.2, InventedDomains: 0.5, InventedNouns: 0.08, InventedBrands: 0.3, InventedNicks: 0.6, FalseStart: 0.015,
			CountryCode: 0.2, SpelledLocal: 0.1, AtTheRate: 0.25, Extension: 0.03, Double: 0.45, RegularDigits: 0.12, Corrected: 0.03, Interrupted: 0.06, NumericDate: 0.15, Year: 0.5,
			Weekday: 0.06,
		},
	}
}

// Check names the first value that cannot be used.
func (c Config) Check() error {
	if err := c.Sizes.check(); err != nil {
		return err
	}
	weights := map[string][]float64{"compose.entities": c.Compose.Entities}
	for _, w := range c.Compose.Types {
		weights["compose.types"] = append(weights["compose.types"], w.Weight)
	}
	for _, w := range c.Values.Cultures {
		weights["values.cultures"] = append(weights["values.cultures"], w.Weight)
	}
	for _, r := range c.Compose.Registers {
		weights["compose.registers"] = append(weights["compose.registers"], r.Weight)
	}
	for _, name := range []string{"compose.entities", "compose.types", "compose.registers", "values.cultures"} {
		if err := checkWeights(weights[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, w := range c.Compose.Types {
		if !slices.Contains(labelNames(), w.Name) {
			return fmt.Errorf("compose.types: there is no type %q", w.Name)
		}
	}
	if err := c.Values.checkCultures(); err != nil {
		return err
	}
	for _, r := range c.rates() {
		if !(r.value >= 0 && r.value <= 1) {
			return fmt.Errorf("%s: %g is not between 0 and 1", r.name, r.value)
		}
	}
	return nil
}

func (s Sizes) check() error {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if v.Field(i).CanInt() && v.Field(i).Int() < 0 {
			return fmt.Errorf("sizes.%s: %d is below 0", v.Type().Field(i).Tag.Get("yaml"), v.Field(i).Int())
		}
	}
	return nil
}

func (v Values) checkCultures() error {
	names, err := cultureNames()
	if err != nil {
		return err
	}
	for _, w := range v.Cultures {
		if !slices.Contains(names, w.Name) {
			return fmt.Errorf("values.cultures: there is no culture %q; there are %s", w.Name, strings.Join(names, ", "))
		}
	}
	return nil
}

// checkWeights reports weights among which nothing can be chosen.
func checkWeights(weights []float64) error {
	sum := 0.0
	for _, w := range weights {
		if !(w >= 0 && w < 1e9) {
			return fmt.Errorf("a weight is below 0 or no number")
		}
		sum += w
	}
	if sum <= 0 {
		return fmt.Errorf("all weights are 0")
	}
	return nil
}

func labelNames() []string {
	var names []string
	for _, t := range labels.DefaultTypes() {
		names = append(names, t.Name)
	}
	return names
}

// ReadConfig reads a YAML file of rates. Those it does not name keep their default; lists are replaced as a whole.
func ReadConfig(path string) (Config, error) {
	c := DefaultConfig()
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	// The decoder would fill lists that are there already entry by entry.
	lists := c
	c.Compose.Registers, c.Compose.Entities, c.Compose.Types, c.Values.Cultures = nil, nil, nil, nil
	if err := yaml.UnmarshalWithOptions(raw, &c, yaml.Strict()); err != nil {
		return c, fmt.Errorf("%s: %s", path, strings.ReplaceAll(yaml.FormatError(err, false, false), "\n", " "))
	}
	if c.Compose.Registers == nil {
		c.Compose.Registers = lists.Compose.Registers
	}
	if c.Compose.Entities == nil {
		c.Compose.Entities = lists.Compose.Entities
	}
	if c.Compose.Types == nil {
		c.Compose.Types = lists.Compose.Types
	}
	if c.Values.Cultures == nil {
		c.Values.Cultures = lists.Values.Cultures
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// YAML writes the configuration as ReadConfig reads it.
func (c Config) YAML() ([]byte, error) {
	return yaml.MarshalWithOptions(c, yaml.IndentSequence(true), yaml.Flow(false))
}

type rate struct {
	name  string
	value float64
}

// rates names every rate by its place in the file, "noise.drop". Fields that are no rates are numbers of other kinds.
func (c Config) rates() []rate {
	var all []rate
	for _, part := range []struct {
		name  string
		value any
	}{{"compose", c.Compose}, {"style", c.Style}, {"noise", c.Noise}, {"values", c.Values}} {
		v := reflect.ValueOf(part.value)
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.Float64 {
				all = append(all, rate{part.name + "." + v.Type().Field(i).Tag.Get("yaml"), v.Field(i).Float()})
			}
		}
	}
	for _, r := range c.Compose.Registers {
		all = append(all, rate{"compose.registers." + r.Name + ".alone", r.Alone}, rate{"compose.registers." + r.Name + ".script", r.Script})
	}
	return all
}
