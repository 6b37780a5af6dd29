package stages

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"pii/labels"
	"pii/rules"
	"pii/torchmodel"
	"pii/wordpiece"
)

// Tagger finds spans in texts: a model with its tokenizer and label set.
type Tagger struct {
	model     *torchmodel.Model
	tokenizer wordpiece.Tokenizer
	set       *labels.Set
	card      card
	batch     batchLimit
	aggregate labels.Aggregation // "" for decoding by Viterbi
	why       string             // the model computes in its precision, where auto chose

	thresholds map[string]float64 // by label; spans with a lower score are dropped
	helpers    rules.Helpers
	lists      phraseLists
}

// openTagger reads a model folder.
func openTagger(session *torchmodel.Session, dir string, cfg *Config) (*Tagger, error) {
	return readTagger(session, dir, cfg, func() (*wordpiece.BERT, error) { return wordpiece.Load(dir) })
}

// readTagger is openTagger with a tokenizer that may be on its way already.
func readTagger(session *torchmodel.Session, dir string, cfg *Config, load func() (*wordpiece.BERT, error)) (*Tagger, error) {
	modelCard, err := readCard(dir, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.origins["labels"] != "" && !slices.Equal(modelCard.Labels, cfg.Labels) {
		return nil, cfg.fault("labels", fmt.Sprintf("are not those of the model, which are %s (%s)", strings.Join(modelCard.Labels, ","),
			filepath.Join(dir, cardName)))
	}
	chosen, err := cfg.precisionOf(dir, modelCard, session.Device())
	if err != nil {
		return nil, err
	}
	model, err := session.LoadToPredict(dir, chosen.precision)
	if errors.Is(err, torchmodel.ErrNoClassifier) {
		err = fmt.Errorf("%w; pii train --model %s makes one for your labels", err, dir)
	}
	if err != nil {
		return nil, err
	}
	tokenizer, err := load()
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	t := &Tagger{model: model, tokenizer: tokenizer, card: modelCard.fit(model.Config.MaxPositions, tokenizer.Options().ModelMaxLength),
		batch: cfg.batchLimit(), aggregate: cfg.aggregation(), why: chosen.why}
	if err := t.prepareFor(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("model %s: %w", dir, err), model.Close())
	}
	return t, nil
}

// prepareFor makes of the card and the settings what decoding needs.
func (t *Tagger) prepareFor(cfg *Config) error {
	set, err := t.card.labelSet(t.model.Config.Labels)
	if err == nil && cfg.origins["labels"] != "" {
		err = checkMarks(t.card, set, cfg)
	}
	if pieces := t.tokenizer.Vocabulary().Len(); err == nil && pieces > t.model.Config.VocabSize {
		err = fmt.Errorf("the tokenizer has %d pieces, the model only %d", pieces, t.model.Config.VocabSize)
	}
	if err != nil {
		return err
	}
	t.set = set
	if t.thresholds, err = cfg.thresholds(t.card, set); err != nil {
		return err
	}
	if t.helpers, err = rules.NewHelpers(cfg.helpers()); err != nil {
		return err
	}
	t.lists, err = cfg.readLists(set)
	return err
}

// checkMarks refuses labels that were set and that the model does not have: a mistyped name would mark nothing as personal
// data.
func checkMarks(c card, set *labels.Set, cfg *Config) error {
	types, err := labels.ParseTypes(c.Labels)
	if err != nil {
		return err
	}
	for _, t := range types {
		if !set.Has(t.Name) {
			var names []string
			for _, own := range set.Types() {
				names = append(names, own.Name)
			}
			return cfg.fault("labels", fmt.Sprintf("name %s, which the model does not have; its labels are %s", t.Name, strings.Join(names, ",")))
		}
	}
	return nil
}

// marksNothing reports whether no label of the model is marked as personal data.
func (t *Tagger) marksNothing() bool {
	return !slices.ContainsFunc(t.set.Types(), func(t labels.Type) bool { return t.PII })
}

// Close frees the model.
func (t *Tagger) Close() error { return t.model.Close() }

// prepared is a text on its way through the model.
type prepared struct {
	text     string
	encoding wordpiece.Encoding
	windows  []wordpiece.Window
	logits   [][]float32 // one a window, (tokens, K) row-major
}

// A chunk of a prediction is as large as a few batches, so that they are of alike length: lookAheadBatches of them, by an estimate of
// bytesPerToken of text. With each step's chunk in memory, so does predict_batch_tokens bound the memory of a prediction.
const (
	lookAheadBatches = 8
	bytesPerToken    = 4
)

// lookAhead is the size of a chunk in bytes of text.
func (t *Tagger) lookAhead() int { return t.batch.tokens * lookAheadBatches * bytesPerToken }

// prepareAll tokenizes texts on all cores.
func (t *Tagger) prepareAll(texts []string) ([]prepared, error) {
	prep := make([]prepared, len(texts))
	err := forEach(len(texts), func(i int) (err error) {
		prep[i], err = t.prepare(texts[i])
		return err
	})
	return prep, err
}

func (t *Tagger) prepare(text string) (prepared, error) {
	encoding, err := t.tokenizer.Encode(text)
	if err != nil {
		return prepared{}, err
	}
	windows, err := wordpiece.Windows(encoding, t.card.MaxLength, t.card.Stride)
	return prepared{text, encoding, windows, make([][]float32, len(windows))}, err
}

// compute fills in the logits of all windows.
func (t *Tagger) compute(ctx context.Context, prep []prepared) error {
	batches, err := t.submit(ctx, prep)
	if err != nil {
		return err
	}
	return collect(prep, batches)
}

// windowOf is a window of a text.
type windowOf struct{ text, window int }

// submitted is a batch of windows whose logits may still be computed.
type submitted struct {
	places  []windowOf
	pending *torchmodel.Pending
}

// submit begins to compute the logits of all windows, in batches of alike length.
func (t *Tagger) submit(ctx context.Context, prep []prepared) ([]submitted, error) {
	var places []windowOf
	var lengths []int
	for i, p := range prep {
		for w := range p.windows {
			places, lengths = append(places, windowOf{i, w}), append(lengths, p.windows[w].Len())
		}
	}
	var batches []submitted
	for _, part := range t.batch.batches(lengths) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows, batch := make([]torchmodel.Row, len(part)), submitted{places: make([]windowOf, len(part))}
		for i, index := range part {
			at := places[index]
			rows[i].IDs, batch.places[i] = prep[at.text].windows[at.window].IDs, at
		}
		var err error
		if batch.pending, err = t.model.Submit(rows); err != nil {
			return nil, err
		}
		batches = append(batches, batch)
	}
	return batches, nil
}

// collect waits for batches and fills in their logits.
func collect(prep []prepared, batches []submitted) error {
	for _, batch := range batches {
		logits, err := batch.pending.Logits()
		if err != nil {
			return err
		}
		for i, at := range batch.places {
			prep[at.text].logits[at.window] = logits[i]
		}
	}
	return nil
}

// decodeAll decodes on all cores.
func (t *Tagger) decodeAll(prep []prepared) ([][]PredictedEntity, error) {
	found := make([][]PredictedEntity, len(prep))
	err := forEach(len(prep), func(i int) (err error) {
		found[i], err = t.decode(prep[i])
		return err
	})
	return found, err
}

// decode turns logits into spans. What is not sure enough is dropped, then lists of phrases have their say.
func (t *Tagger) decode(p prepared) ([]PredictedEntity, error) {
	var found []PredictedEntity
	var err error
	if t.aggregate == "" {
		found = t.bestSpans(p)
		t.judgeForms(p.text, found)
	} else if found, err = t.groups(p); err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(e PredictedEntity) bool { return e.Score < t.thresholds[t.typeOf(e.Label)] })
	if t.aggregate == "" && len(found) > 0 {
		runes := []rune(p.text)
		overMarks(runes, found)
		withinSigns(runes, found)
	}
	return t.lists.apply(p.text, found, t.set), nil
}

// overMarks moves the ends of spans, which are in order, over what follows of the last character as people see it: combining marks,
// variation selectors among them, and joiners. A tokenizer that strips accents leaves them out of its tokens.
func overMarks(runes []rune, found []PredictedEntity) {
	const joiner = '\u200d'
	for i := range found {
		limit := len(runes)
		if i+1 < len(found) {
			limit = found[i+1].Start
		}
		for end := found[i].End; end < limit && (unicode.IsMark(runes[end]) || runes[end] == joiner); end++ {
			found[i].End = end + 1
		}
	}
}

// withinSigns takes emoji and the like, and the space before them, off the edges of spans: the tokenizer has a word and the emoji glued to
// it as one, and a model may take one that follows as part of a name. What is nothing else stays whole.
func withinSigns(runes []rune, found []PredictedEntity) {
	sign := func(r rune) bool { return unicode.In(r, unicode.So, unicode.Sk) }
	attached := func(r rune) bool { return unicode.IsMark(r) || r == '\u200d' }
	for i := range found {
		start, end := found[i].Start, found[i].End
		for at := start; at < end && (sign(runes[at]) || unicode.IsSpace(runes[at]) || at > found[i].Start && attached(runes[at])); at++ {
			start = at + 1
		}
		for at := end; at > start && (sign(runes[at-1]) || attached(runes[at-1]) || unicode.IsSpace(runes[at-1])); at-- {
			if sign(runes[at-1]) || end == at && unicode.IsSpace(runes[at-1]) {
				end = at - 1
			}
		}
		if start < end {
			found[i].Start, found[i].End = start, end
		}
	}
}

// typeOf is the type of a label, which may be a tag where tokens are not grouped.
func (t *Tagger) typeOf(label string) string {
	if t.aggregate == labels.AggregateNone {
		_, label, _ = strings.Cut(label, "-")
	}
	return label
}

// judgeForms lets the helpers judge spans by their text, and rounds the scores.
func (t *Tagger) judgeForms(text string, found []PredictedEntity) {
	if len(found) == 0 {
		return
	}
	runes := []rune(text)
	for i, e := range found {
		found[i].Score = roundScore(t.helpers.Judge(e.Label, string(runes[e.Start:e.End]), e.Score))
	}
}

// bestSpans are the spans of the best legal tag sequence. Each token's scores come from the window that gives it most
// context.
func (t *Tagger) bestSpans(p prepared) []PredictedEntity {
	width := t.set.Len()
	owners := wordpiece.Owners(p.windows)
	var scores []float32
	var offsets []labels.Offset
	grammar := labels.Grammar{Apart: t.card.Apart}
	for token := 1; token < p.encoding.Len()-1; token++ {
		goesOn := continues(t.tokenizer.Vocabulary(), p.encoding.IDs[token])
		if n := len(offsets); goesOn && n > 0 && t.card.FirstPiece {
			offsets[n-1].End = p.encoding.Offsets[token].End
			continue
		}
		window := owners[token]
		at := token - p.windows[window].First + 1
		scores = append(scores, p.logits[window][at*width:(at+1)*width]...)
		offsets = append(offsets, labels.Offset(p.encoding.Offsets[token]))
		grammar.Continues = append(grammar.Continues, goesOn)
	}
	spans := t.set.Decode(scaled(scores, t.card.Temperature), offsets, grammar)
	entities := make([]PredictedEntity, len(spans))
	for i, s := range spans {
		entities[i] = PredictedEntity{Start: s.Start, End: s.End, Label: s.Label, PII: t.set.PII(s.Label), Score: s.Score}
	}
	return entities
}
