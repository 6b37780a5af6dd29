package synth

import (
	"fmt"
	"strings"
)

// ordinary is what clauses without entities are made of: things by class, so that what is done to a thing makes sense,
// and lists of people, times, places and manners.
type ordinary struct {
	classes []class
	lists   map[string][]string
	kinds   []thing // every thing, whatever its class
}

// class is a kind of things, with what is done to them, how they are and what they do.
type class struct {
	things  []thing
	verbs   []verb
	is      []string
	actions []verb
}

// thing is a noun.
type thing struct {
	name         string
	plural, mass bool
}

// verb is a verb, perhaps with words that follow it whatever its form.
type verb struct{ base, past, ing, after string }

// loadOrdinary reads lists/ordinary.txt. The comment at its head says how it is written.
func loadOrdinary() (*ordinary, error) {
	raw, err := files.ReadFile("lists/ordinary.txt")
	if err != nil {
		return nil, fmt.Errorf("list of ordinary things: %w", err)
	}
	o := &ordinary{lists: map[string][]string{}}
	section := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		key, rest, isClass := strings.Cut(line, ":")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case !isClass:
			o.lists[section] = append(o.lists[section], entries(line)...)
		case key == "things":
			o.classes = append(o.classes, class{things: things(rest)})
			o.kinds = append(o.kinds, things(rest)...)
		case len(o.classes) == 0:
			return nil, fmt.Errorf("list of ordinary things: %q stands before any things", key)
		default:
			if err := o.classes[len(o.classes)-1].add(key, rest); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

func (c *class) add(key, rest string) error {
	switch key {
	case "verbs":
		c.verbs = verbs(rest)
	case "acts":
		c.actions = verbs(rest)
	case "is":
		c.is = entries(rest)
	default:
		return fmt.Errorf("list of ordinary things: there is no key %q", key)
	}
	return nil
}

func entries(line string) []string {
	all := strings.Split(line, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

func things(line string) []thing {
	var all []thing
	for _, entry := range entries(line) {
		name := strings.TrimRight(entry, "*~")
		all = append(all, thing{name, strings.HasSuffix(entry, "*"), strings.HasSuffix(entry, "~")})
	}
	return all
}

func verbs(line string) []verb {
	var all []verb
	for _, entry := range entries(line) {
		entry, past, irregular := strings.Cut(entry, "/")
		base, after, _ := strings.Cut(entry, " ")
		v := verb{base: base, past: inflect(base, "ed"), ing: inflect(base, "ing"), after: after}
		if irregular {
			v.past, _, _ = strings.Cut(past, " ")
		}
		all = append(all, v)
	}
	return all
}

// inflect adds "ed" or "ing" to a verb's base form.
func inflect(base, suffix string) string {
	n := len(base)
	vowel := func(i int) bool { return i >= 0 && strings.IndexByte("aeiou", base[i]) >= 0 }
	switch {
	case strings.HasSuffix(base, "ie") && suffix == "ing":
		return base[:n-2] + "ying"
	case strings.HasSuffix(base, "ee") && suffix == "ing":
		return base + suffix
	case strings.HasSuffix(base, "e"):
		return base[:n-1] + suffix
	case strings.HasSuffix(base, "y") && suffix == "ed" && !vowel(n-2):
		return base[:n-1] + "ied"
	case doubles(base):
		return base + base[n-1:] + suffix
	}
	return base + suffix
}

// addS gives a noun's plural or a verb's form for he, she and it.
func addS(base string) string {
	n := len(base)
	switch {
	case strings.HasSuffix(base, "y") && n > 1 && strings.IndexByte("aeiou", base[n-2]) < 0:
		return base[:n-1] + "ies"
	case strings.HasSuffix(base, "s"), strings.HasSuffix(base, "x"), strings.HasSuffix(base, "z"), strings.HasSuffix(base, "sh"),
		strings.HasSuffix(base, "ch"), strings.HasSuffix(base, "o"):
		return base + "es"
	}
	return base + "s"
}

// doubles reports whether a verb's last consonant is doubled before a suffix: "stop", "unplug", "cancel", but not "open".
func doubles(base string) bool {
	n := len(base)
	vowel := func(i int) bool { return i >= 0 && strings.IndexByte("aeiou", base[i]) >= 0 }
	if n < 3 || vowel(n-1) || !vowel(n-2) || vowel(n-3) && base[n-3:n-1] != "ui" || strings.IndexByte("wxy", base[n-1]) >= 0 {
		return false
	}
	syllables := 0
	for i := range n {
		if vowel(i) && !vowel(i-1) {
			syllables++
		}
	}
	stressed := map[string]bool{"unplug": true, "cancel": true, "reset": true, "forget": true, "admit": true, "regret": true, "upset": true, "submit": true}
	return syllables == 1 || stressed[base]
}

// thingOf says a thing with an article or a possessive before it, now and then with an adjective.
func (m *maker) thingOf(t thing) []string {
	determiners := []string{"the", "the", "the", "my", "my", "your", "our", "a", "a", "this", "that", "another", "his", "her", "their"}
	switch {
	case t.plural:
		determiners = []string{"the", "the", "my", "your", "our", "some", "these", "those", "two", "all the"}
	case t.mass:
		determiners = []string{"the", "the", "my", "your", "our", "some", "more"}
	}
	words := fields(m.pick(determiners))
	if m.chance(0.25) {
		words = append(words, fields(m.pick(m.ord.lists["adjectives"]))...)
	}
	words = append(words, fields(t.name)...)
	if words[0] == "a" && strings.IndexByte("aeio", words[1][0]) >= 0 {
		words[0] = "an"
	}
	return words
}

func (m *maker) class() class { return m.ord.classes[m.rng.IntN(len(m.ord.classes))] }

// thing draws a thing of a class, now and then in the plural.
func (m *maker) thing(c class) thing {
	t := c.things[m.rng.IntN(len(c.things))]
	if !t.plural && !t.mass && m.chance(0.15) {
		t.name, t.plural = addS(t.name), true
	}
	return t
}

// nounPhrase says any thing, one or several.
func (m *maker) nounPhrase() []string {
	if m.chance(0.5) {
		return m.thingOf(thing{name: m.noun()})
	}
	return m.thingOf(m.thing(m.class()))
}

// noun names an ordinary thing, now and then one that nobody has heard of: an unknown word is not a name for that alone.
func (m *maker) noun() string {
	if m.chance(m.style.inventNoun) {
		return m.invent(m.lex.nounSounds, endings)
	}
	return m.pick(m.lex.nouns)
}

// brand says the name of a firm.
func (m *maker) brand() []string {
	if m.chance(m.style.inventBrand) {
		return []string{m.invent(m.lex.brandSounds, endings)}
	}
	return fields(m.pick(m.lex.brands))
}

// bareNoun says a thing's name alone.
func (m *maker) bareNoun() []string {
	if m.chance(0.75) {
		return fields(m.noun())
	}
	for {
		if t := m.ord.kinds[m.rng.IntN(len(m.ord.kinds))]; !t.plural && !t.mass {
			return fields(t.name)
		}
	}
}

// doing says a verb in a form, with an object that suits it.
func (m *maker) doing(form func(verb) string) []string {
	c := m.class()
	v := c.verbs[m.rng.IntN(len(c.verbs))]
	return join([]string{form(v)}, fields(v.after), m.thingOf(m.thing(c)))
}

// didIt says what was done to a thing that was named before.
func (m *maker) didIt() []string {
	return fields(m.pick([]string{"bought", "ordered", "returned", "sent you", "received", "asked for", "talked about", "reported", "paid for"}))
}

func base(v verb) string { return v.base }
func past(v verb) string { return v.past }
func ing(v verb) string  { return v.ing }
func does(v verb) string { return addS(v.base) }

// state says that a thing is in some state: "the kettle is leaking".
func (m *maker) state() []string {
	c := m.class()
	t := m.thing(c)
	be := []string{"is", "is", "was", "seems to be", "might be", "can't be"}
	if t.plural {
		be = []string{"are", "are", "were", "seem to be", "might be", "can't be"}
	}
	return join(m.thingOf(t), fields(m.pick(be)), fields(m.pick(c.is)))
}

// event says that a thing does something, or does not: "the kettle won't turn on", "the tiles keep cracking".
func (m *maker) event() []string {
	c := m.class()
	t, v := m.thing(c), c.actions[m.rng.IntN(len(c.actions))]
	keeps, does, is := "keeps", "doesn't", "is"
	if t.plural {
		keeps, does, is = "keep", "don't", "are"
	}
	how := []string{"won't", "didn't", does, "can't", "might", "will", "could", "should", "started to", "tends to", "never seemed to"}
	if t.plural {
		how[9] = "tend to"
	}
	verb := v.base
	helper := m.pick(how)
	switch x := m.rng.Float64(); {
	case x < 0.25:
		helper, verb = keeps, v.ing
	case x < 0.33:
		helper, verb = is, v.ing
	case x < 0.48 && t.plural:
		helper = m.pick([]string{"always", "never", "sometimes", "often", "still", ""})
	case x < 0.48:
		helper, verb = m.pick([]string{"always", "never", "sometimes", "often", "still", ""}), addS(v.base)
	}
	return join(m.thingOf(t), fields(helper), []string{verb}, fields(v.after))
}

// oneOf says an entry of a list of ordinary.txt.
func oneOf(list string) func(*maker) []string {
	return func(m *maker) []string { return fields(m.pick(m.ord.lists[list])) }
}

// perhaps says something with a probability.
func perhaps(p float64, say func(*maker) []string) func(*maker) []string {
	return func(m *maker) []string {
		if !m.chance(p) {
			return nil
		}
		return say(m)
	}
}
