package synth

// issuer is how one kind of card number begins, and in which groups it is read out.
type issuer struct {
	prefixes []string
	groups   []int
	weight   int
}

// issuers of the set's own, and of the stress set: there the numbers begin otherwise or come in other groups.
var (
	issuers = []issuer{
		{[]string{"40", "41", "42", "43", "47", "48"}, []int{4, 4, 4, 4}, 42},
		{[]string{"51", "52", "54", "55", "2221", "2720"}, []int{4, 4, 4, 4}, 28},
		{[]string{"34", "37"}, []int{4, 6, 5}, 10},
		{[]string{"6011", "65"}, []int{4, 4, 4, 4}, 7},
		{[]string{"36", "38"}, []int{4, 6, 4}, 3},
		{[]string{"4"}, []int{4, 4, 4, 1}, 2},
		{[]string{"60", "652"}, []int{4, 4, 4, 4}, 5},
		{[]string{"6304", "6759"}, []int{4, 4, 4, 4, 3}, 2},
		{[]string{"6763"}, []int{6, 13}, 1},
	}
	stressIssuers = []issuer{
		{[]string{"44", "45", "46", "49"}, []int{4, 4, 4, 4}, 40},
		{[]string{"53", "2300", "2500"}, []int{4, 4, 4, 4}, 25},
		{[]string{"3528", "3589"}, []int{4, 4, 4, 4}, 10},
		{[]string{"644", "649"}, []int{4, 4, 4, 4}, 8},
		{[]string{"300", "305"}, []int{4, 6, 4}, 5},
		{[]string{"62"}, []int{6, 13}, 4},
		{[]string{"81", "82", "508"}, []int{4, 4, 4, 4}, 8},
	}
)

// card says a card number of 13 to 19 digits whose check digit is right.
func (m *maker) card() []string {
	kind := m.issuers[m.weighted(len(m.issuers), func(i int) float64 { return float64(m.issuers[i].weight) })]
	length := 0
	for _, n := range kind.groups {
		length += n
	}
	number := m.pick(kind.prefixes)
	for next := m.anyDigits(); len(number) < length-1; {
		number += string(next())
	}
	number += string(luhnDigit(number))
	m.lastCard = cut(number, kind.groups)
	return m.digits(m.lastCard...)
}

// cardAgain says the card number said last once more.
func (m *maker) cardAgain() []string {
	if m.lastCard == nil {
		return m.card()
	}
	return m.digits(m.lastCard...)
}

// luhnDigit is the check digit that completes a number (ISO/IEC 7812-1, annex B).
func luhnDigit(number string) byte {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// notCard changes the last digit of a number that could pass for a card's.
func notCard(number string) string {
	last := len(number) - 1
	if last >= 12 && luhnDigit(number[:last]) == number[last] {
		return number[:last] + string('0'+(number[last]-'0'+1)%10)
	}
	return number
}

func cut(s string, sizes []int) []string {
	parts := make([]string, 0, len(sizes))
	for _, n := range sizes {
		parts, s = append(parts, s[:n]), s[n:]
	}
	return parts
}
