package synth

// restarts break off what is then said from its beginning; takesBack take back what was said whole.
var (
	restarts = []string{"no wait", "sorry let me start again", "hang on", "let me start over", "no that's wrong", "wait a second", "sorry start again",
		"no that's the old one", "hold on", "oops", "let me say that again"}
	takesBack = []string{"no sorry", "sorry i mean", "no", "i mean", "or rather", "no wait", "sorry", "correction", "actually no", "no hang on it's",
		"scratch that", "not that"}
)

// breaksOff are the types whose first digits alone are no entity.
var breaksOff = map[string]bool{"PHONE": true, "CREDIT_CARD": true}

// fill puts what a slot says into the transcript. At the rates of the configuration it is begun before, which is outside, or another of
// its type is said first and taken back, which is an entity of its own.
func (m *maker) fill(s slot) {
	words := s.say(m)
	switch {
	case breaksOff[s.label] && len(words) > 4 && m.chance(m.cfg.Values.HalfSaid):
		m.note("half_said")
		m.b.fill("", words[:1+m.rng.IntN(3)], s.proper, s.solid)
		m.b.say(fields(m.pick(restarts))...)
	case s.label != "" && m.chance(m.cfg.Values.TakenBack):
		m.note("taken_back")
		m.b.fill(s.label, words, s.proper, s.solid)
		m.b.say(fields(m.pick(takesBack))...)
		words = s.say(m)
	}
	m.b.fill(s.label, words, s.proper, s.solid)
}

// hashed puts "hash" or its sign before a number, at its rate.
func (m *maker) hashed(number []string) []string {
	switch {
	case !m.chance(m.cfg.Values.Hash):
		return number
	case m.spoken():
		return append([]string{"hash"}, number...)
	}
	return append([]string{"#" + number[0]}, number[1:]...)
}
