package synth

// slot is what may stand in braces in a frame.
type slot struct {
	label  string // of the entity it makes; empty for look-alikes and other words
	say    func(*maker) []string
	proper bool // its words begin with capitals where there is casing
	solid  bool // noise does not change its words
}

// slots is filled by init: the functions refer to frames, which refer to slots.
var slots map[string]slot

func init() {
	slots = map[string]slot{
		"PERSON_NAME":  {"PERSON_NAME", (*maker).personName, true, false},
		"FIRST_NAME":   {"PERSON_NAME", (*maker).firstName, true, false},
		"LAST_NAME":    {"PERSON_NAME", (*maker).surname, true, false},
		"NAME_AGAIN":   {"PERSON_NAME", (*maker).nameAgain, true, false},
		"SPELLED_NAME": {"PERSON_NAME", (*maker).spelledName, true, true},
		"PHONE":        {"PHONE", (*maker).phone, false, true},
		"EMAIL":        {"EMAIL", (*maker).email, false, true},
		"CREDIT_CARD":  {"CREDIT_CARD", (*maker).card, false, true},
		"PHONE_AGAIN":  {"PHONE", (*maker).phoneAgain, false, true},
		"EMAIL_AGAIN":  {"EMAIL", (*maker).emailAgain, false, true},
		"CARD_AGAIN":   {"CREDIT_CARD", (*maker).cardAgain, false, true},
		"DAY":          {"DATE", (*maker).dayAlone, true, true},
		"EXPIRY":       {"DATE", (*maker).expiry, true, true},
		"AREA":         {"LOCATION", (*maker).area, true, false},
		"DATE":         {"DATE", (*maker).date, true, true},
		"BIRTH_DATE":   {"DATE", (*maker).birthDate, true, true},
		"MONTH_YEAR":   {"DATE", (*maker).monthYear, true, true},
		"CITY":         {"CITY", (*maker).city, true, false},
		"LOCATION":     {"LOCATION", (*maker).location, true, false},
		"STREET":       {"LOCATION", (*maker).street, true, false},
		"LANDMARK":     {"LOCATION", (*maker).landmark, true, false},
		"REGION":       {"LOCATION", (*maker).region, true, false},

		"TITLE":             {say: one("mr", "mr", "mrs", "ms", "miss", "mister", "doctor", "dr", "dr", "professor", "madam", "sir", "captain", "sister", "father", "judge", "officer"), proper: true},
		"BRAND":             {say: (*maker).brand, proper: true},
		"SITE":              {say: (*maker).site, solid: true},
		"PRODUCT":           {say: func(m *maker) []string { return fields(m.pick(m.lex.products)) }},
		"NP":                {say: (*maker).nounPhrase},
		"NOUN":              {say: (*maker).bareNoun},
		"DO":                {say: func(m *maker) []string { return m.doing(base) }},
		"DID":               {say: func(m *maker) []string { return m.doing(past) }},
		"DOING":             {say: func(m *maker) []string { return m.doing(ing) }},
		"DOES":              {say: func(m *maker) []string { return m.doing(does) }},
		"DID_IT":            {say: func(m *maker) []string { return m.didIt() }},
		"STATE":             {say: (*maker).state},
		"EVENT":             {say: (*maker).event},
		"ADJ":               {say: func(m *maker) []string { return fields(m.pick(m.lex.adjectives)) }},
		"ADV":               {say: func(m *maker) []string { return fields(m.pick(m.lex.adverbs)) }},
		"ACT":               {say: func(m *maker) []string { return fields(m.pick(m.lex.actions)) }},
		"DONE":              {say: func(m *maker) []string { return fields(m.pick(m.lex.verbs)) }},
		"WHO":               {say: oneOf("people")},
		"WHEN_PAST":         {say: oneOf("when past")},
		"WHEN_COMING":       {say: oneOf("when coming")},
		"MAYBE_WHEN_PAST":   {say: perhaps(0.4, oneOf("when past"))},
		"MAYBE_WHEN_COMING": {say: perhaps(0.4, oneOf("when coming"))},
		"MAYBE_WHERE":       {say: perhaps(0.4, oneOf("where"))},
		"MAYBE_HOW":         {say: perhaps(0.4, oneOf("how"))},
		"DAYPART":           {say: one("morning", "afternoon", "evening")},
		"PAST":              {say: one(pastDays...)},
		"COMING":            {say: one(comingDays...)},
		"MONTH":             {say: one(months...), proper: true, solid: true},
		"YEAR":              {say: func(m *maker) []string { return m.year(1990 + m.rng.IntN(36)) }, solid: true},
		"AMOUNT":            {say: (*maker).amount, solid: true},
		"ORDER_ID":          {say: (*maker).orderID, solid: true},
		"TRACKING":          {say: (*maker).tracking, solid: true},
		"ACCOUNT":           {say: (*maker).account, solid: true},
		"SERIAL":            {say: (*maker).serial, solid: true},
		"CODE":              {say: (*maker).code, solid: true},
		"LAST4":             {say: func(m *maker) []string { return m.digits(m.random(4)) }, solid: true},
		"CVV":               {say: func(m *maker) []string { return m.digits(m.random(3)) }, solid: true},
		"EXT":               {say: func(m *maker) []string { return m.digits(m.random(2 + m.rng.IntN(3))) }, solid: true},
		"POSTCODE":          {say: func(m *maker) []string { return m.digits(m.random(5 + m.rng.IntN(2))) }, solid: true},
		"TIME":              {say: (*maker).time, solid: true},
		"DURATION":          {say: (*maker).duration, solid: true},
		"QTY":               {say: func(m *maker) []string { return m.number(2 + m.rng.IntN(60)) }, solid: true},
		"AGE":               {say: func(m *maker) []string { return m.number(4 + m.rng.IntN(85)) }, solid: true},
		"PERCENT":           {say: func(m *maker) []string { return append(m.number(1+m.rng.IntN(99)), "percent") }, solid: true},
		"MEASURE":           {say: (*maker).measure, solid: true},
		"FLIGHT":            {say: (*maker).flight, solid: true},
		"ROOM":              {say: func(m *maker) []string { return m.digits(m.random(1 + m.rng.IntN(3))) }, solid: true},
		"HOUSE":             {say: func(m *maker) []string { return m.number(1 + m.rng.IntN(400)) }, solid: true},
		"ORDINAL":           {say: func(m *maker) []string { return m.ordinalWords(1 + m.rng.IntN(25)) }, solid: true},
		"DIGIT":             {say: func(m *maker) []string { return m.number(1 + m.rng.IntN(9)) }, solid: true},
		"VERSION":           {say: (*maker).version, solid: true},
	}
}
