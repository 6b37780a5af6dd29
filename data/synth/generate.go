package synth

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"pii/data"
)

// maker makes transcripts. One random stream drives it, so the same seed gives the same bytes.
type maker struct {
	rng       *rand.Rand
	cfg       Config
	lex       *lexicon
	ord       *ordinary
	grammar   *grammar
	registers []Register         // those that the grammar has
	cultures  map[string]float64 // weights by name
	plans     []plan
	issuers   []issuer
	invents   bool // names and cities on no list are allowed

	b        *builder // the transcript in the making
	style    lineStyle
	register Register
	kinds    map[string]bool // of the noise in it, see note

	// What was said last, to be said again.
	last                person
	lastPhone, lastCard []string
	lastEmail           func() []string
}

// lineStyle is how one transcript is written.
type lineStyle struct {
	cased, punctuated, upper, noApostrophes bool
	mixed                                   bool    // numerals and words in one number
	spoken                                  float64 // probability of a number in words
	hindi                                   bool    // digits in Hindi
	split                                   string  // what stands for an apostrophe, if not itself
	loudness                                float64 // multiplies the rates of noise
	inventName, inventCity                  float64
	inventDomain, inventNick                float64
	inventNoun, inventBrand                 float64
	speakers                                []string // who says what, where that is written; empty where it is not
}

// Generate gives n transcripts of a set, one by one. The same configuration, set and seed give the same transcripts, and
// the first of a longer run are those of a shorter one. It stops at an error, and with the context's when that is done.
func Generate(ctx context.Context, cfg Config, set Set, n int, seed int64) iter.Seq2[data.Transcript, error] {
	return func(yield func(data.Transcript, error) bool) {
		m, err := newMaker(cfg, set, seed)
		if err != nil {
			yield(data.Transcript{}, err)
			return
		}
		seen := map[uint64]bool{}
		misses := 0
		for made := 0; made < n; {
			if err := ctx.Err(); err != nil {
				yield(data.Transcript{}, err)
				return
			}
			t := m.transcript()
			key := textKey(t.Text)
			if seen[key] || !set.owns(key) || m.lex.reserves(t) {
				if misses++; misses > 100_000 {
					yield(t, fmt.Errorf("set %s: no new transcript after %d; the lists or frames are too short for so many", set, made))
					return
				}
				continue
			}
			seen[key], misses = true, 0
			made++
			t.ID = fmt.Sprintf("%s-%06d", set, made)
			if !yield(t, nil) {
				return
			}
		}
	}
}

func newMaker(cfg Config, set Set, seed int64) (*maker, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("configuration of synthetic transcripts: %w", err)
	}
	stream, err := set.stream()
	if err != nil {
		return nil, err
	}
	lib, err := libraryOf(set)
	if err != nil {
		return nil, err
	}
	m := &maker{rng: rand.New(rand.NewPCG(uint64(seed), stream)), cfg: cfg, lex: lib.lex, ord: lib.ord, grammar: lib.grammar,
		cultures: map[string]float64{}, plans: plans, issuers: issuers, invents: !set.own()}
	if set.own() {
		m.plans, m.issuers = stressPlans, stressIssuers
		m.cfg.Values.RegularDigits = 0 // there are too few of such numbers for two sets to share none
	}
	if set == Numbers {
		m.cfg.Compose.Entities, m.cfg.Compose.Refuse, m.cfg.Compose.LookAlike, m.cfg.Compose.Turns = []float64{1}, 0, 0.85, 0
	}
	for _, w := range cfg.Values.Cultures {
		m.cultures[w.Name] = w.Weight
	}
	if m.registers, err = m.grammar.spoken(cfg.Compose.Registers, set); err != nil {
		return nil, err
	}
	return m, nil
}

// spoken gives those of the configuration's registers that the grammar has. A register that no grammar has is an error in train.
func (g *grammar) spoken(all []Register, set Set) ([]Register, error) {
	var found []Register
	for _, r := range all {
		has := false
		for name := range g.sections {
			has = has || strings.HasPrefix(name, r.Name+"/")
		}
		if has && r.Weight > 0 {
			found = append(found, r)
		} else if !has && !set.own() {
			return nil, fmt.Errorf("configuration of synthetic transcripts: compose.registers: there is no register %q", r.Name)
		}
	}
	if len(found) == 0 {
		found = []Register{{Name: general, Weight: 1}}
	}
	return found, nil
}

// transcript makes the next one, without an id.
func (m *maker) transcript() data.Transcript {
	m.b, m.kinds, m.last, m.lastPhone, m.lastCard, m.lastEmail = &builder{}, map[string]bool{}, person{}, nil, nil, nil
	m.register = m.registers[m.weighted(len(m.registers), func(i int) float64 { return m.registers[i].Weight })]
	m.style = m.newStyle()
	m.compose()
	for len(m.b.words) < 300 && m.chance(m.cfg.Compose.Longer) {
		m.compose()
	}
	m.b.words = m.write(m.noise(m.b.words))
	text, spans := m.b.render()
	kinds := slices.AppendSeq([]string{}, maps.Keys(m.kinds))
	slices.Sort(kinds)
	return data.Transcript{Text: text, Entities: spans, Labelled: true, Fields: map[string][]string{data.NoiseKinds: kinds}}
}

func (m *maker) newStyle() lineStyle {
	c := m.cfg.Style
	s := lineStyle{upper: m.chance(c.Upper), noApostrophes: m.chance(c.NoApostrophes)}
	if m.chance(c.Written) {
		x := m.rng.Float64()
		s.cased, s.punctuated = x < 0.8, x >= 0.2
	}
	switch x := m.rng.Float64(); {
	case x < c.SpokenNumbers:
		s.spoken = 1
	case x < c.SpokenNumbers+c.MixedNumbers:
		s.mixed, s.spoken = true, 0.5
	}
	// Casing and punctuation come from recognisers that also write numerals.
	if s.punctuated && m.chance(0.7) {
		s.mixed, s.spoken = false, 0
	}
	if !s.noApostrophes && m.chance(c.Split) {
		s.split = m.pick([]string{" '", " "})
	}
	s.hindi = m.register.Name == "hinglish" && s.spoken > 0 && m.chance(c.HindiNumbers)
	if !m.chance(c.CleanLines) {
		s.loudness = 2 * m.rng.Float64()
	}
	if m.invents {
		s.inventDomain, s.inventNick = m.cfg.Values.InventedDomains, m.cfg.Values.InventedNicks
		s.inventNoun, s.inventBrand = m.cfg.Values.InventedNouns, m.cfg.Values.InventedBrands
		s.inventName, s.inventCity = m.cfg.Values.InventedNames, m.cfg.Values.InventedCities
	}
	if m.chance(m.cfg.Compose.Turns) {
		s.speakers = [][]string{{"agent", "customer"}, {"agent", "caller"}, {"speaker 1", "speaker 2"}, {"operator", "client"}, {"rep", "customer"},
			{"a", "b"}}[m.rng.IntN(6)]
	}
	return s
}

// compose puts clauses together until the transcript has the entities it is meant to have, or says a written dialogue.
func (m *maker) compose() {
	c := m.cfg.Compose
	if scripts := m.grammar.sections[m.register.Name+"/script"]; len(scripts) > 0 && m.chance(m.register.Script) {
		m.turn(0)
		m.expand(scripts[m.rng.IntN(len(scripts))])
		m.stop()
		return
	}
	target := m.weighted(len(c.Entities), func(i int) float64 { return c.Entities[i] })
	if m.chance(m.register.Alone) {
		m.alone(target)
		return
	}
	if m.chance(c.Open) {
		m.turn(1)
		m.clause("open")
	}
	if target == 0 {
		m.without()
	}
	for first := len(m.b.labels); len(m.b.labels) < first+target; {
		label := m.entityType()
		if m.chance(c.Ask) || m.style.speakers != nil {
			m.exchange("ask "+label, "answer "+label)
		} else {
			m.part(m.grammar.carriers(m.register.Name, label))
		}
		if m.chance(c.Distract) {
			m.distraction()
		}
	}
	if m.chance(c.Close) {
		m.clause("close")
	}
}

// drawsAlone is how often a type is drawn in search of one that the register carries. Where it carries a twentieth of them, all draws
// fail once in 10^22 times.
const drawsAlone = 1000

// alone says one clause, with an entity or without. A register that carries none of the types that are asked for, or next to none,
// borrows one from the general register.
func (m *maker) alone(target int) {
	own := m.grammar.carry[m.register.Name]
	if target == 0 || own == nil {
		m.distraction()
		return
	}
	for range drawsAlone {
		if frames := own[m.entityType()]; len(frames) > 0 {
			m.part(frames)
			return
		}
	}
	m.part(m.grammar.carriers(m.register.Name, m.entityType()))
}

// entityType draws which type the next frame is to hold.
func (m *maker) entityType() string {
	types := m.cfg.Compose.Types
	return types[m.weighted(len(types), func(i int) float64 { return types[i].Weight })].Name
}

// without fills a transcript that has no entity, most often with what looks like one.
func (m *maker) without() {
	if m.chance(m.cfg.Compose.Refuse) {
		m.exchange("ask "+m.entityType(), "refuse")
	}
	for range 1 + m.rng.IntN(3) {
		m.distraction()
	}
}

func (m *maker) exchange(question, answer string) {
	m.turn(0)
	m.clause(question)
	m.turn(1)
	// Nothing joins an answer to its question.
	frames := m.grammar.section(m.register.Name, answer)
	m.expand(frames[m.rng.IntN(len(frames))])
	m.stop()
}

// turn begins what the agent (0) or the caller (1) says.
func (m *maker) turn(who int) {
	m.stop()
	if m.style.speakers == nil {
		return
	}
	m.b.say(fields(m.style.speakers[who])...)
	if m.style.punctuated {
		m.b.say(":")
	}
}

func (m *maker) distraction() {
	if m.chance(m.cfg.Compose.LookAlike) {
		m.clause("look")
	} else {
		m.clause("chat")
	}
}

func (m *maker) clause(section string) { m.part(m.grammar.section(m.register.Name, section)) }

// part says one of the frames and ends the sentence. Something that people say between two sentences comes before it:
// always where a number or a name would run into another, of which nobody could tell the border, most often beside an
// entity, else now and then.
func (m *maker) part(frames []frame) {
	if len(frames) == 0 {
		return
	}
	start := len(m.b.words)
	m.expand(frames[m.rng.IntN(len(frames))])
	if m.joins(start) {
		m.join(start)
	}
	m.stop()
}

// stop ends a sentence.
func (m *maker) stop() {
	if n := len(m.b.words); n > 0 && !isMark(m.b.words[n-1].text) {
		m.b.say(".")
	}
}

// joins decides whether something is said between what ends and what begins before index at.
func (m *maker) joins(at int) bool {
	before, after := m.b.border(at)
	switch {
	case at == 0 || at == len(m.b.words):
		return false
	case before && (after || runsOn[m.b.words[at].text]):
		return true
	case m.style.punctuated:
		return m.chance(m.cfg.Compose.Join / 2)
	case before || after:
		return m.chance(m.cfg.Compose.JoinEntity)
	}
	return m.chance(m.cfg.Compose.Join)
}

// join puts a connector before index at.
func (m *maker) join(at int) {
	tail := append([]word{}, m.b.words[at:]...)
	m.b.words = m.b.words[:at]
	m.expand(m.anyOf("and"))
	for i := at; i < len(m.b.words); i++ {
		m.b.words[i].kept = true
	}
	m.b.words = append(m.b.words, tail...)
}

// anyOf draws a frame of a part.
func (m *maker) anyOf(part string) frame {
	frames := m.grammar.sections[part]
	return frames[m.rng.IntN(len(frames))]
}

func (m *maker) expand(f frame) {
	for _, n := range f {
		switch {
		case n.choice != nil:
			m.expand(n.choice[m.rng.IntN(len(n.choice))])
		case n.rule != "":
			m.expand(m.anyOf(n.rule))
		case n.slot != "":
			m.fill(slots[n.slot])
		case n.word == "/a":
			m.turn(0)
		case n.word == "/c":
			m.turn(1)
		default:
			m.b.say(n.word)
		}
	}
}

func (m *maker) chance(p float64) bool { return p > 0 && m.rng.Float64() < p }

func (m *maker) pick(list []string) string { return list[m.rng.IntN(len(list))] }

// weighted draws an index below n in proportion to its weight.
func (m *maker) weighted(n int, weight func(int) float64) int {
	sum := 0.0
	for i := range n {
		sum += weight(i)
	}
	x := m.rng.Float64() * sum
	for i := range n {
		if x -= weight(i); x < 0 {
			return i
		}
	}
	return n - 1
}
