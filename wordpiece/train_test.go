package wordpiece

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// transcripts makes n texts of 25 words with names, numbers and references, always the same.
func transcripts(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	syllables := strings.Fields("ba ko ri ta mel san dor vin lu pe shi gra ton el ar is um my card number call me on the at dot com")
	texts := make([]string, n)
	for i := range texts {
		words := make([]string, 25)
		for w := range words {
			switch random.IntN(10) {
			case 0:
				words[w] = fmt.Sprint(random.IntN(1_000_000))
			case 1:
				words[w] = fmt.Sprintf("#%06x", random.IntN(1<<24))
			default:
				for range 1 + random.IntN(3) {
					words[w] += syllables[random.IntN(len(syllables))]
				}
			}
		}
		texts[i] = strings.Join(words, " ")
	}
	return texts
}

func train(t testing.TB, texts []string, size int, minFrequency int) *Vocabulary {
	t.Helper()
	v, err := Train(slices.Values(texts), size, TrainOptions{Options: DefaultOptions(), MinFrequency: minFrequency})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTrainGivesTheSameVocabularyEachTime(t *testing.T) {
	texts := transcripts(300)
	first := train(t, texts, 1000, 2)
	if first.Len() != 1000 {
		t.Errorf("%d pieces, want 1000", first.Len())
	}
	for range 3 {
		slices.Reverse(texts)
		rand.Shuffle(100, func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
		if again := train(t, texts, 1000, 2); !slices.Equal(again.Pieces(), first.Pieces()) {
			t.Fatal("the same texts in another order gave another vocabulary")
		}
	}
}

func TestTrainMergesTheMostFrequentPairFirst(t *testing.T) {
	// hug 10, pug 5, pun 12, bun 4, hugs 5: (##u ##g) 20, (##u ##n) 16, (h ##ug) 15, (p ##un) 12, then (p ##ug) and
	// (hug ##s) 5 and (b ##un) 4. At 5, hug comes before p.
	var texts []string
	for word, count := range map[string]int{"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5} {
		texts = append(texts, strings.Repeat(word+" ", count))
	}
	pieces := train(t, texts, 1000, 1).Pieces()
	base := len(SpecialTokens()) + 2*len(alwaysKnown)
	want := []string{"##ug", "##un", "hug", "pun", "hugs", "pug", "bun"}
	if !slices.Equal(pieces[base:], want) {
		t.Errorf("merged %v, want %v", pieces[base:], want)
	}
	if !slices.Equal(pieces[:7], append(SpecialTokens(), "0", "1")) {
		t.Errorf("starts with %v", pieces[:7])
	}
	if got := train(t, texts, 1000, 12).Len(); got != base+4 {
		t.Errorf("%d pieces occur 12 times, want 4", got-base)
	}
	if got := train(t, texts, base+2, 1).Len(); got != base+2 {
		t.Errorf("%d pieces, want %d", got, base+2)
	}
}

func TestTrainLimitsTheAlphabet(t *testing.T) {
	texts := []string{"été çà €5 €6 日本 日"}
	v, err := Train(slices.Values(texts), 1000, TrainOptions{
		Options: Options{CleanText: true, HandleChineseChars: true}, AlphabetLimit: len(alwaysKnown) + 3, MinFrequency: 9,
	})
	if err != nil {
		t.Fatal(err)
	}
	others := []string{}
	for _, piece := range v.Pieces()[len(SpecialTokens()):] {
		if !strings.Contains(alwaysKnown, strings.TrimPrefix(piece, Prefix)) {
			others = append(others, piece)
		}
	}
	if want := []string{"é", "€", "日", "##é"}; !slices.Equal(others, want) {
		t.Errorf("beside digits and letters: %v, want %v", others, want)
	}
	if _, err := Train(slices.Values(texts), 76, TrainOptions{}); err == nil {
		t.Error("a vocabulary too small for letters and digits: no error")
	}
}

// BenchmarkTrain learns 4,000 pieces from 6,000 transcripts of 25 words.
func BenchmarkTrain(b *testing.B) {
	texts := transcripts(6000)
	for b.Loop() {
		train(b, texts, 4000, 2)
	}
}
