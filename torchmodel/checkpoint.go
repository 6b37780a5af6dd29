package torchmodel

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/sugarme/gotch/ts"
)

const configName = "config.json"

// Save writes config.json and model.safetensors into an existing folder, as transformers' save_pretrained does. It does
// not care for atomicity: write to a temporary folder and rename it.
func (m *Model) Save(dir string) error {
	content, err := m.Config.marshal()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, configName), content, 0o666); err != nil {
		return fmt.Errorf("saving model: %w", err)
	}
	f, err := os.Create(filepath.Join(dir, weightsName))
	if err != nil {
		return fmt.Errorf("saving model: %w", err)
	}
	if err := m.writeWeights(f); err != nil {
		return errors.Join(fmt.Errorf("saving model: %w", err), f.Close())
	}
	return f.Close()
}

func (m *Model) writeWeights(w io.Writer) error {
	return m.session.noGrad(func() error {
		if err := m.needWeights(); err != nil {
			return err
		}
		tensors := map[string]*ts.Tensor{}
		for _, p := range m.parameters {
			tensors[p.Name] = p.tensor
		}
		return writeTensors(w, tensors, map[string]string{"format": "pt"})
	})
}

// ErrNoClassifier is that of Load for a base model, which has to be trained before it can tag.
var ErrNoClassifier = errors.New("it is a base model: its weights have no classifier")

// Load reads a model folder, of any of WeightFiles' formats, as transformers reads it. Weights that are missing, surplus or
// of another shape are an error that names them.
func (s *Session) Load(dir string) (*Model, error) {
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	return s.load(dir, c, nil, wholeOf(c))
}

// wholeOf checks that a checkpoint has all weights of a configuration, and no others.
func wholeOf(c Config) func(*checkpoint) error {
	return func(found *checkpoint) error {
		if !found.hasHead(c) {
			return ErrNoClassifier
		}
		return found.fit(c, fit{})
	}
}

// Loaded says what LoadBody or LoadMaskedLM made of a checkpoint.
type Loaded struct {
	head      string   // what the head is called
	NewHead   []string // the parameters of the head, sorted, where it is a new one with random weights
	Theirs    []string // the labels of the classifier that the checkpoint has; nil: it has none
	Reordered bool     // the classes of its classifier were put into another order
	Unused    []string // tensors of the checkpoint beside body and head, sorted
}

// String is that in words that follow "training goes on from DIR".
func (l Loaded) String() string {
	text := "with its " + l.head
	made := "with a new " + l.head + " (" + strings.Join(l.NewHead, ", ") + "), as the checkpoint has "
	switch {
	case l.NewHead != nil && l.Theirs == nil:
		text = made + "none"
	case l.NewHead != nil:
		text = made + "other labels (" + some(shownAll(l.Theirs)) + ")"
	case l.Reordered:
		text += ", whose classes are in another order"
	}
	if len(l.Unused) > 0 {
		text += ", and without what else the checkpoint has (" + some(shownAll(l.Unused)) + ")"
	}
	return text
}

// take checks that a checkpoint fits c, whose head is a new one if newHead says so, and notes what comes of it.
func (l *Loaded) take(found *checkpoint, c Config, newHead bool) error {
	if newHead {
		l.NewHead = slices.Sorted(maps.Keys(c.headNames()))
	}
	err := found.fit(c, fit{otherHeads: true, noHead: newHead})
	l.Unused = found.unused
	return err
}

// LoadBody reads a model folder to train it further for the given labels. Where the checkpoint has other labels, or no
// classifier, it gets a new random one. What the checkpoint has beside the model, such as the heads of other tasks, is
// passed over.
func (s *Session) LoadBody(dir string, labels []string, seed uint64) (*Model, Loaded, error) {
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, Loaded{}, err
	}
	loaded := Loaded{head: "classifier"}
	theirs := c.Labels
	c.Labels = labels
	m, err := s.load(dir, c, rand.New(rand.NewPCG(seed, 1)), func(found *checkpoint) error {
		if found.hasHead(c) {
			loaded.Theirs = theirs
		}
		newHead := !found.hasHead(c) || !sameSet(theirs, labels)
		loaded.Reordered = !newHead && !slices.Equal(theirs, labels)
		return loaded.take(found, c, newHead)
	})
	if err == nil && loaded.Reordered {
		if err = m.reorder(theirs, labels); err != nil {
			err = errors.Join(fmt.Errorf("loading model %s: %w", dir, err), m.Close())
		}
	}
	if err != nil {
		return nil, Loaded{}, err
	}
	return m, loaded, nil
}

// load opens a folder's weights, has them looked at, and makes a model of them; what they lack is drawn from random.
func (s *Session) load(dir string, c Config, random *rand.Rand, look func(*checkpoint) error) (m *Model, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("loading model %s: %w", dir, err)
		}
	}()
	found, err := openCheckpoint(dir, look)
	if err != nil {
		return nil, err
	}
	defer found.file.Close()
	m, err = s.build(c, random, func(name string) bool { _, ok := found.weights[name]; return ok })
	if err != nil {
		return nil, err
	}
	if err := m.fill(found.weights); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// fill reads the weights of the parameters that are stored.
func (m *Model) fill(weights map[string]stored) error {
	return m.session.noGrad(func() error {
		for _, p := range m.parameters {
			if w, ok := weights[p.Name]; ok {
				if err := w.copyTo(p.tensor, m.session.device); err != nil {
					return fmt.Errorf("%s: %w", p.Name, err)
				}
			}
		}
		return nil
	})
}

// reorder puts the classes of the classifier from one order of the labels into another.
func (m *Model) reorder(from, to []string) error {
	return m.session.noGrad(func() error {
		s := new(scope)
		defer s.drop()
		for _, x := range []*ts.Tensor{m.classifier.weight, m.classifier.bias} {
			old := s.floats(x)
			if s.err != nil {
				return s.err
			}
			width := len(old) / len(from) // D of the weight, 1 of the bias
			var rows []float32
			for _, label := range to {
				k := slices.Index(from, label)
				rows = append(rows, old[k*width:(k+1)*width]...)
			}
			shape, err := x.Size()
			if err != nil {
				return err
			}
			if y := s.float32s(rows, shape, m.session.device); s.err == nil {
				x.Copy_(y)
			}
		}
		return s.err
	})
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	sort.Strings(a)
	sort.Strings(b)
	return slices.Equal(a, b)
}

// checkpoint is a folder's weights under the names of the model's parameters.
type checkpoint struct {
	file    *tensorFile
	weights map[string]stored
	theirs  map[string]string // the names that the file has for them
	unused  []string          // what fit dropped, sorted, by the names that the file has
}

// openCheckpoint opens a folder's weights, and has them looked at.
func openCheckpoint(dir string, look func(*checkpoint) error) (*checkpoint, error) {
	file, err := openWeights(dir)
	if err != nil {
		return nil, err
	}
	found, err := newCheckpoint(file)
	if err == nil {
		err = look(found)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return found, nil
}

func newCheckpoint(file *tensorFile) (*checkpoint, error) {
	c := &checkpoint{file: file, weights: map[string]stored{}, theirs: map[string]string{}}
	for _, theirs := range file.names() {
		name := parameterName(theirs)
		if name == positionIDs {
			continue
		}
		if before, twice := c.theirs[name]; twice {
			return nil, fmt.Errorf("%s and %s are one parameter under two names", shown(before), shown(theirs))
		}
		c.weights[name], c.theirs[name] = file.tensors[theirs], theirs
	}
	return c, nil
}

// positionIDs counts from 0 on; old checkpoints have it, and transformers passes over it.
const positionIDs = "distilbert.embeddings.position_ids"

// headNames are the names of the parameters outside the body.
func (c Config) headNames() map[string]bool {
	names := map[string]bool{}
	for _, p := range c.parameters() {
		if !strings.HasPrefix(p.Name, body+".") {
			names[p.Name] = true
		}
	}
	return names
}

// hasHead reports whether anything of the head of a configuration is there.
func (f *checkpoint) hasHead(c Config) bool {
	for name := range c.headNames() {
		if _, ok := f.weights[name]; ok {
			return true
		}
	}
	return false
}

// parameterName is the name that a parameter has here. A DistilBertModel saved by itself leaves out the first part, and
// checkpoints that came from TensorFlow call the weight and bias of a layer norm gamma and beta.
func parameterName(name string) string {
	for old, now := range map[string]string{".gamma": ".weight", ".beta": ".bias"} {
		if before, ok := strings.CutSuffix(name, old); ok {
			name = before + now
		}
	}
	if strings.HasPrefix(name, "embeddings.") || strings.HasPrefix(name, "transformer.") {
		name = body + "." + name
	}
	return name
}

// fit says what of a checkpoint need not fit a configuration.
type fit struct {
	otherHeads bool // surplus weights outside the body are dropped
	noHead     bool // what the checkpoint has of it is dropped
}

// fit checks that the weights are those of the configuration.
func (f *checkpoint) fit(c Config, but fit) error {
	var missing, surplus, wrong []string
	parameters, head, size := map[string]bool{}, c.headNames(), int64(0)
	for _, p := range c.parameters() {
		if but.noHead && head[p.Name] {
			continue
		}
		parameters[p.Name] = true
		if w, ok := f.weights[p.Name]; !ok {
			missing = append(missing, p.Name)
		} else if fault := w.fault(p.Shape); fault != "" {
			wrong = append(wrong, shown(f.theirs[p.Name])+" "+fault)
		} else if _, bytes, err := sizeOf(w.shape, w.dtype); err != nil || f.file.size-size < bytes {
			return errors.New("the weights are more than their files can hold: views of one storage, over and over")
		} else {
			size += bytes
		}
	}
	for name, theirs := range f.theirs {
		isHead := !strings.HasPrefix(name, body+".")
		switch {
		case parameters[name]:
		case but.noHead && head[name]:
			delete(f.weights, name)
		case but.otherHeads && isHead:
			f.unused = append(f.unused, theirs)
			delete(f.weights, name)
		default:
			surplus = append(surplus, shown(theirs))
		}
	}
	for _, names := range [][]string{missing, surplus, wrong, f.unused} {
		sort.Strings(names)
	}
	return misfit(missing, surplus, wrong)
}

func misfit(missing, surplus, wrong []string) error {
	var faults []string
	for _, kind := range []struct {
		text  string
		names []string
	}{{"missing: ", missing}, {"not part of the model: ", surplus}, {"of another kind: ", wrong}} {
		if len(kind.names) > 0 {
			faults = append(faults, kind.text+some(kind.names))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("the weights do not fit %s; %s", configName, strings.Join(faults, "; "))
}

// some lists names, of many the first and how many more.
func some(names []string) string {
	const most = 10
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// shownAll are names from a file as a message shows them.
func shownAll(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = shown(name)
	}
	return list
}
