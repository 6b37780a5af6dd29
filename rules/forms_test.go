package rules

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReadDigits(t *testing.T) {
	for text, want := range map[string]reading{
		"4179-0881-3099-6756":                     {"4179088130996756", 0},
		"four oh Four NOUGHT zero nil":            {"404000", 0},
		"thirty seven eighty two oh oh thirteen":  {"3782" + "00" + "13", 0},
		"forty two fifty":                         {"4250", 0},
		"twenty oh five":                          {"2005", 0},
		"double seven triple oh quadruple 5":      {"77" + "000" + "5555", 0},
		"double 55 three":                         {"553", 1}, // double of what?
		"plus one uh nine, hmm 1":                 {"191", 0},
		"nine hundred":                            {"900", 1},
		"six for to ate":                          {"6428", 3},
		"one banana two":                          {"12", 1},
		"(020) 3287.5662":                         {"02032875662", 0},
		"":                                        {"", 0},
		"twenty":                                  {"20", 0},
		"3 7 double 2 5 double 4 6 4 2 7 2":       {"37225446" + "4272", 0},
		"nine one\tseven\u00a0five double":        {"9175", 1},
		"null one null":                           {"010", 0},
		"nau aath do do paanch ek double saat":    {"98225177", 0},
		"teen char chaar panch chhe chhah shunya": {"3445660", 0},
		"98 do 41":                                {"98241", 0},
		"do you one do banana do":                 {"1", 5},
		"double do one":                           {"1", 2},
		"treble five forty one nineteen eighteen": {"555411918", 0},
	} {
		if got := readDigits(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		helper, text string
		want         float64
	}{
		{"card", "4111 1111 1111 1111", proven},
		{"card", "four one double one one one one one one one one one one one one one", proven},
		{"card", "forty one eleven eleven eleven eleven eleven eleven eleven", proven},
		{"card", "4111 1111 1111 1112", unlikely},
		{"card", "4222222222222", proven},             // 13 digits
		{"card", "411111111111111111111", impossible}, // 21 digits
		{"card", "1295", impossible},
		{"card", "411111111111", impossible},
		{"card", "4111 1111 1111 one for one", 0}, // a word that may be a digit, or none
		{"card", "forty", impossible},
		{"card", "anna smith", impossible},
		{"phone", "nine eight double four one oh two two three", fitting},
		{"phone", "555 1234", fitting},
		{"phone", "555 123", impossible},
		{"phone", "eight hundred five five five one two", 0},
		{"phone", "1234567890123456", impossible},
		{"phone", "anna", impossible},
		{"email", "anna@example.com", fitting},
		{"email", "anna dot smith at the rate example dot com", fitting},
		{"email", "anna at gmail", fitting},
		{"email", "a_b at example point co point uk", fitting},
		{"email", "ramesh dot sharma at acme full stop com", fitting},
		{"email", "anna at full stop com", unlikely},
		{"email", "anna at example full stop", unlikely},
		{"email", "anna full stop smith at stop full", unlikely},
		{"phone", "nau aath ek teen do do paanch null", fitting},
		{"phone", "do ek teen chaar paanch chhe saat", 0}, // what the first word stands for is not certain
		{"email", "anna at example", unlikely},
		{"email", "anna at dot com", unlikely},
		{"email", "anna at example dot", unlikely},
		{"email", "at example dot com", impossible},
		{"email", "anna dot smith", impossible},
		{"email", "gave", impossible},
		{"email", "", impossible},
	} {
		list, err := NewHelpers([]string{c.helper})
		if err != nil {
			t.Fatal(err)
		}
		if got := list[0].shift(c.text); got != c.want {
			t.Errorf("%s %q: %v, want %v", c.helper, c.text, got, c.want)
		}
	}
}

func TestJudgeAsksTheHelpersOfTheLabel(t *testing.T) {
	all, err := NewHelpers(HelperNames())
	if err != nil {
		t.Fatal(err)
	}
	none, err := NewHelpers(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label, text string
		want        float64
	}{
		{"CREDIT_CARD", "1295", Shift(0.9, impossible)}, {"credit_card", "1295", Shift(0.9, impossible)}, {"CITY", "1295", 0.9},
		{"PHONE_NUMBER", "1295", Shift(0.9, impossible)}, {"EMAIL_ADDRESS", "a at gmail", Shift(0.9, fitting)}, {"DATE", "gave", 0.9},
	} {
		if got := all.Judge(c.label, c.text, 0.9); got != c.want {
			t.Errorf("%s: %v, want %v", c.label, got, c.want)
		}
		if got := none.Judge(c.label, c.text, 0.9); got != 0.9 {
			t.Errorf("%s without helpers: %v", c.label, got)
		}
	}
	if _, err := NewHelpers([]string{"crad"}); err == nil || !strings.Contains(err.Error(), "card, phone, email") {
		t.Error(err)
	}
}

func TestShift(t *testing.T) {
	if got := Shift(0.99, impossible); math.Abs(got-0.8313) > 1e-4 {
		t.Errorf("0.99 with impossible is %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		score := rapid.Float64Range(0, 1)
		shift := rapid.Float64Range(-5, 5)
		a, b, up, down := score.Draw(t, "a"), score.Draw(t, "b"), shift.Draw(t, "up"), shift.Draw(t, "down")
		if a > b {
			a, b = b, a
		}
		if down > up {
			up, down = down, up
		}
		if got := Shift(a, up); !(got >= 0 && got <= 1) || got > Shift(b, up) || Shift(a, down) > got {
			t.Fatalf("%v and %v by %v and %v: %v %v %v", a, b, up, down, got, Shift(b, up), Shift(a, down))
		}
		if Shift(a, 0) != a {
			t.Fatalf("%v by 0 is %v", a, Shift(a, 0))
		}
		if back := Shift(Shift(a, up), -up); math.Abs(back-a) > 1e-9 {
			t.Fatalf("%v by %v and back is %v", a, up, back)
		}
	})
}

// FuzzForms: whatever a text is, each helper says one of the few things that it can say.
func FuzzForms(f *testing.F) {
	for _, text := range []string{"", "double", "double double", "twenty", "at", "a@.", "@.", "dot at dot", "\xff\xfe", "４２", "nine hundred thousand"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, h := range helpers {
			switch h.shift(text) {
			case proven, fitting, 0, unlikely, impossible:
			default:
				t.Errorf("%s: %v", h.Name, h.shift(text))
			}
		}
	})
}
