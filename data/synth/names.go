package synth

import "strings"

// Syllables of invented names and cities; the common ones stand here several times. The model is to learn where names
// stand, not a list of them.
var (
	onsets = strings.Fields(`b c d f g h j k l m n p r s t v w b d f g h j k l m n p r s t v b c d f g h j k l m n p r s t v w y z b c d f
		g h j k l m n p r s t v bl br ch cl cr dh dr fl fr gh gl gr kh kr ph pl pr qu sch sh sk sl sp st th tr b br c
		ch d dr f fl g gr h j k kl l m n p pr r s sh st t th tr v w y z`)
	nuclei = strings.Fields("a e i o u a e i o u a e i o u a e i o u aa au ei eu ie ue uo y ai ea ee ia o oo ou")
	codas  = strings.Fields(`n r l m s t d k n r l m s t n r l m s t n r l m s t n n n r r r l l m m s s t t d k n r l m s t b bb c ch dd f
		ff g gh k kh kk lb ld lf lk lm lt m mb mm mp nc ndr nk nt nz p pp rc rg rk rl rm rn rz sch sk ss tch tt tz z
		zz b ck d l ll m n n n nd ng r r rd rt s s sh st t th v x`)
	endings = strings.Fields(`aba ade adi af ai aka al ale alia amu an and andra ani anne ari ata ayo bert cia dan deep dip dra ea ebe ee eh
		eia eli ello ena enne eo er eta ette ev ey fa fred ick id ida ie ika iko il ila ille im ima inda ine io ira
		isha ita ius ka ki ko la lan lena li lin lind lyn ma man mir mund na nara ne ni nie no o ola oma ona ora ori
		ott oy ra ran ri ric ro rose sa shan son sten ta tan te than ti tia to tra tu ula una ur va van vi vin wen wyn
		ye yn yo za zan a ah an ana ani ar as ek el elle en er esh i ia ie in ina is it o on or oth u us y ya`)
	familial = strings.Fields(`a ader aga aki amoto anda ani ard arro aux avic bach bert brook burg chuk court craft croft dahl dottir eau
		eda el ell enko er escu feld ga gen ham hart haus heim hoff holm hurst i ic iel ier il ila ima in ing is ita
		ium ja kin kov la land ler ling lo lund ma mann mar mark mere mond moor mott na nayagam ng oka ola ong or os
		ous ovich ov pal quist ra rao ri ro rott rup sa sami sch shaw shima som son stad stein stone strom ta ter thal
		tha ton tti uchi ueda ul ulu um ura us vala ven vich vili ville waite wald wan wara wen wicz wood worthy ya
		yama yan ye zadeh zak zewski zu son sen man berg ley ton ski ova ev ez es ini elli etti wala kar appa nath
		akis ides ford well worth field by ins oglu dze yan ko`)
	cityEnds = strings.Fields(`a as aya bach beek berg boro bridge by chester church cliff ec en enza field ga gar gorod holm hurst ica igny
		il in ina ington ira is jan kirk ko lund mont ny o on os ovo pool pura sk stead stein stow thorpe u vale ver
		wal wich wil worth ville ton burg pur bad field ford ham bury port mouth grad stad haven dale nagar abad wick
		minster cester oro ita ano`)
	// Words by which people spell.
	alphabet = spelling(`alpha apple adam amit, bravo boy bob bombay, charlie cat calcutta, delta dog delhi david, echo egg edward,
		foxtrot fox frank father, golf goat george gujarat, hotel house harry hyderabad, india ink igloo, juliet jam john jaipur,
		kilo kite king karnataka, lima lion london lucknow, mike mango mary mumbai, november nancy nest nagpur, oscar orange ocean,
		papa peter paper pune, quebec queen, romeo rat robert rajasthan, sierra sugar sam surat, tango tom tiger tree,
		uniform umbrella uncle, victor van vijay, whiskey water william, xray xylophone, yankee yellow yak, zulu zebra zoo`)
)

// spelling gives the words that stand for each letter, in the order of the alphabet.
func spelling(words string) map[byte][]string {
	all := map[byte][]string{}
	for i, group := range strings.Split(words, ",") {
		all[byte('a'+i)] = strings.Fields(group)
	}
	return all
}

// invent makes a word that no list of the stress set has: half of the time of syllables, else one that sounds like those
// of a list.
func (m *maker) invent(like *sounds, ends []string) string {
	for {
		var name string
		if m.chance(m.cfg.Values.Syllables) {
			if name = m.syllables(); m.chance(0.75) {
				name += m.pick(ends)
			}
		} else {
			name = m.soundsLike(like)
		}
		if !m.lex.reserved[name] && len(name) >= 4 && len(name) <= 13 {
			return name
		}
	}
}

// sounds holds which letters follow three others in the words of a list. A word begins after "^^^" and ends before "$".
type sounds map[string][]byte

func soundsOf(words []string) *sounds {
	all := sounds{}
	for _, w := range words {
		w = plain(w)
		for i := range len(w) + 1 {
			before, next := ("^^^" + w)[i:i+3], (w + "$")[i]
			all[before] = append(all[before], next)
		}
	}
	return &all
}

// soundsLike makes a word that begins, goes on and ends as the words of a list do.
func (m *maker) soundsLike(list *sounds) string {
	word := "^^^"
	for len(word) < 20 {
		follow := (*list)[word[len(word)-3:]]
		if len(follow) == 0 {
			break
		}
		next := follow[m.rng.IntN(len(follow))]
		if next == '$' {
			break
		}
		word += string(next)
	}
	return word[3:]
}

// syllables makes the stem of an invented name: one to three open syllables, a closed one, or both.
func (m *maker) syllables() string {
	stem := ""
	for range m.rng.IntN(3) {
		stem += m.pick(onsets) + m.pick(nuclei)
	}
	switch x := m.rng.Float64(); {
	case x < 0.12:
		return m.pick(nuclei[:5]) + m.pick(codas) + stem
	case x < 0.3 && stem != "":
		return stem
	}
	return stem + m.pick(onsets) + m.pick(nuclei) + m.pick(codas)
}
