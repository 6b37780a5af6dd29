package stages

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"path/filepath"
	"slices"

	"pii/data"
	"pii/labels"
	"pii/pipeline"
	"pii/torchmodel"
	"pii/wordpiece"
)

// tokenizeStats is what tokenize.json says of a set.
type tokenizeStats struct {
	Transcripts int `json:"transcripts"`
	Windows     int `json:"windows"`
	Tokens      int `json:"tokens"` // special tokens included
	Unknown     int `json:"unknown"`
	Lost        int `json:"lost"` // labelled spans that no token touches
}

// tokenize writes the tokenizer's files, train.arrow, dev.arrow and tokenize.json into dir.
func tokenize(ctx context.Context, cfg *Config, env *Env, logger *log.Logger, dir string) error {
	set, err := cfg.LabelSet()
	if err != nil {
		return err
	}
	return tokenizeSets(ctx, cfg, env, logger, dir, set, []string{cfg.Train})
}

// tokenizeSets does tokenize's work on the transcripts of several files and those of cfg.Dev; set is nil where there are no labels.
func tokenizeSets(ctx context.Context, cfg *Config, env *Env, logger *log.Logger, dir string, set *labels.Set, train []string) error {
	tokenizer, err := makeTokenizer(cfg, env, train, logger)
	if err != nil {
		return err
	}
	if err := tokenizer.Save(dir); err != nil {
		return err
	}
	for _, path := range train {
		if path == cfg.Dev || sameFile(path, cfg.Dev) {
			logger.Printf("train and dev are the same transcripts: the best epoch is chosen by what was learned by heart")
		}
	}
	stats := map[string]tokenizeStats{}
	encode := encoder{cfg, set, tokenizer}
	for name, paths := range map[string][]string{"train": train, "dev": {cfg.Dev}} {
		if stats[name], err = encode.files(ctx, env, paths, filepath.Join(dir, name+".arrow"), logger); err != nil {
			return err
		}
		s := stats[name]
		logger.Printf("%s: %d transcripts, %d windows, %d tokens, of which %d unknown", name, s.Transcripts, s.Windows, s.Tokens, s.Unknown)
		if s.Lost > 0 {
			logger.Printf("%s: %d labelled spans hold no token and cannot be learned", name, s.Lost)
		}
	}
	content, err := json.MarshalIndent(stats, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "tokenize.json"), append(content, '\n'), 0o666)
}

// makeTokenizer reads the checkpoint's tokenizer, or learns a vocabulary from the training transcripts.
func makeTokenizer(cfg *Config, env *Env, train []string, logger *log.Logger) (*wordpiece.BERT, error) {
	if cfg.fromCheckpoint() {
		model, err := torchmodel.ReadConfig(cfg.checkpoint())
		if err == nil && cfg.MaxLength > model.MaxPositions {
			err = cfg.fault("max_length", fmt.Sprintf("is %d, but %s reads at most %d tokens", cfg.MaxLength, cfg.Model, model.MaxPositions))
		}
		if err != nil {
			return nil, err
		}
		return wordpiece.Load(cfg.checkpoint())
	}
	opts := wordpiece.DefaultOptions()
	opts.Lowercase = cfg.Lowercase
	opts.ModelMaxLength = cfg.MaxLength
	var readErr error
	vocabulary, err := wordpiece.Train(allTexts(env, train, &readErr), cfg.VocabSize, wordpiece.TrainOptions{Options: opts})
	if err := errors.Join(readErr, err); err != nil {
		return nil, err
	}
	logger.Printf("learned a vocabulary of %d WordPieces", vocabulary.Len())
	return wordpiece.New(vocabulary, opts)
}

// allTexts iterates over the texts of files as texts does over those of one.
func allTexts(env *Env, paths []string, fault *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, path := range paths {
			for text := range texts(env, path, fault) {
				if !yield(text) {
					return
				}
			}
			if *fault != nil {
				return
			}
		}
	}
}

// texts iterates over the texts of a file, and leaves an error that ends it early in fault.
func texts(env *Env, path string, fault *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		reader, err := env.open(path, data.Options{})
		if err != nil {
			*fault = err
			return
		}
		defer reader.Close()
		for {
			transcript, err := reader.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				*fault = err
				return
			}
			if !yield(transcript.Text) {
				return
			}
		}
	}
}

// encoder turns transcripts into examples.
type encoder struct {
	cfg       *Config
	set       *labels.Set // nil: the examples get no labels, whatever the transcripts have
	tokenizer wordpiece.Tokenizer
}

// files writes the examples of all transcripts of some files into one.
func (e encoder) files(ctx context.Context, env *Env, paths []string, out string, logger *log.Logger) (stats tokenizeStats, err error) {
	writer, err := createExamples(out)
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, writer.close()) }()
	progress := pipeline.NewProgress(logger, "tokenizing", -1)
	defer progress.Close()
	for _, path := range paths {
		if err := e.file(ctx, env, path, writer, &stats, logger, progress); err != nil {
			return stats, err
		}
	}
	return stats, nil
}

func (e encoder) file(ctx context.Context, env *Env, path string, writer *exampleWriter, stats *tokenizeStats, logger *log.Logger,
	progress *pipeline.Progress) error {
	reader, err := env.open(path, data.Options{Labels: e.set, RequireEntities: e.set != nil})
	if err != nil {
		return err
	}
	defer reader.Close()
	spans, askew, firstAskew := 0, 0, 0
	err = eachTranscript(ctx, reader.Next, func(transcript data.Transcript) error {
		spans += len(transcript.Entities)
		if n := len(transcript.Askew()); n > 0 {
			firstAskew = cmp.Or(firstAskew, transcript.Line)
			askew += n
		}
		examples, lost, err := e.examples(transcript)
		if err != nil {
			return err
		}
		stats.Transcripts++
		stats.Lost += lost
		for _, example := range examples {
			stats.Windows++
			stats.Tokens += len(example.InputIDs)
			stats.Unknown += count(example.InputIDs, e.tokenizer.Vocabulary().Unk())
			if err := writer.write(example); err != nil {
				return err
			}
		}
		progress.Add(1)
		return nil
	})
	if err == nil && e.set != nil && askew > 0 && 100*askew >= spans { // fewer are somebody's slips, and cost little
		logger.Print(askewNote(path, askew, firstAskew))
	}
	return err
}

func count(ids []int32, wanted int32) int {
	n := 0
	for _, id := range ids {
		if id == wanted {
			n++
		}
	}
	return n
}

// examples cuts one transcript into windows with a tag on each token. The tags are those of the whole transcript, so a
// span that a window's edge cuts goes on with I- in the next window.
func (e encoder) examples(t data.Transcript) (examples []Example, lost int, err error) {
	encoding, err := e.tokenizer.Encode(t.Text)
	if err != nil {
		return nil, 0, fmt.Errorf("transcript %q: %w", t.ID, err)
	}
	tags, lost, err := e.tags(encoding, t.Entities)
	if err != nil {
		return nil, 0, fmt.Errorf("transcript %q: %w", t.ID, err)
	}
	windows, err := wordpiece.Windows(encoding, e.cfg.MaxLength, e.cfg.Stride)
	if err != nil {
		return nil, 0, err
	}
	for _, w := range windows {
		example := Example{ID: t.ID, InputIDs: w.IDs, Offsets: offsetsOf(w.Encoding)}
		for i := range w.IDs {
			tag := labels.Ignored
			if i > 0 && i < w.Len()-1 {
				tag = tags[w.First+i-1]
			}
			example.Labels = append(example.Labels, int64(tag))
		}
		examples = append(examples, example)
	}
	return examples, lost, nil
}

// tags gives each token its tag: every piece of a word one of its own, or its first piece the tag of the word and the others
// none.
func (e encoder) tags(encoding wordpiece.Encoding, spans []labels.Span) (tags []int, lost int, err error) {
	offsets := offsetsOf(encoding)
	if e.set == nil {
		return slices.Repeat([]int{labels.Ignored}, len(offsets)), 0, nil
	}
	if e.cfg.LabelAllTokens {
		return e.set.Encode(offsets, spans)
	}
	first, words := wordsOf(e.tokenizer.Vocabulary(), encoding.IDs, offsets)
	wordTags, lost, err := e.set.Encode(words, spans)
	if err != nil {
		return nil, 0, err
	}
	tags = slices.Repeat([]int{labels.Ignored}, len(offsets))
	for i, at := range first {
		tags[at] = wordTags[i]
	}
	return tags, lost, nil
}

// wordsOf joins the pieces of each word: first is where its first piece is among the tokens, words where it is in the text.
func wordsOf(vocab *wordpiece.Vocabulary, ids []int32, offsets []labels.Offset) (first []int, words []labels.Offset) {
	for i, id := range ids {
		if n := len(words); n > 0 && continues(vocab, id) && !words[n-1].Empty() {
			words[n-1].End = offsets[i].End
			continue
		}
		first, words = append(first, i), append(words, offsets[i])
	}
	return first, words
}

func offsetsOf(e wordpiece.Encoding) []labels.Offset {
	offsets := make([]labels.Offset, e.Len())
	for i, o := range e.Offsets {
		offsets[i] = labels.Offset(o)
	}
	return offsets
}
