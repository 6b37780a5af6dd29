package torchmodel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sugarme/gotch/ts"
)

const (
	weightsName = "model.safetensors"
	configName  = "config.json"
)

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
		tensors := map[string]*ts.Tensor{}
		for _, p := range m.parameters {
			tensors[p.Name] = p.tensor
		}
		return writeTensors(w, tensors, map[string]string{"format": "pt"})
	})
}

// Load reads a model folder. Weights that are missing, surplus or of another shape are an error that names them.
func (s *Session) Load(dir string) (*Model, error) {
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	return s.load(dir, c, nil)
}

// LoadBody reads a model folder to train it further for the given labels. Where the checkpoint has other labels, or no
// classifier, it gets a new random one, and fresh is true.
func (s *Session) LoadBody(dir string, labels []string, seed uint64) (m *Model, fresh bool, err error) {
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, false, err
	}
	if slices.Equal(c.Labels, labels) {
		m, err = s.load(dir, c, nil)
		return m, false, err
	}
	c.Labels = labels
	m, err = s.load(dir, c, &seed)
	return m, true, err
}

// heads are the prefixes of weights that a checkpoint of another task may have beside the body.
var heads = []string{"classifier.", "pre_classifier.", "qa_outputs.", "vocab_transform.", "vocab_layer_norm.", "vocab_projector."}

// load fills a new model with a checkpoint's weights. With newHead, the classifier is drawn from that seed and the
// checkpoint's own heads are passed over.
func (s *Session) load(dir string, c Config, newHead *uint64) (*Model, error) {
	file, err := openTensors(filepath.Join(dir, weightsName))
	if err != nil {
		return nil, fmt.Errorf("loading model: %w", err)
	}
	defer file.Close()
	var m *Model
	if newHead != nil {
		m, err = s.New(c, *newHead)
	} else {
		m, err = s.build(c, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("loading model %s: %w", dir, err)
	}
	if err := m.fill(file, newHead != nil); err != nil {
		return nil, errors.Join(fmt.Errorf("loading model %s: %w", dir, err), m.Close())
	}
	return m, nil
}

func (m *Model) fill(file *tensorFile, newHead bool) error {
	wanted := map[string]bool{}
	return m.session.noGrad(func() error {
		var faults []string
		for _, p := range m.parameters {
			wanted[p.Name] = true
			if newHead && strings.HasPrefix(p.Name, "classifier.") {
				continue
			}
			if fault := file.copyTo(p.tensor, p.Name, p.Shape, m.session); fault != "" {
				faults = append(faults, fault)
			}
		}
		for _, name := range file.names() {
			head := slices.ContainsFunc(heads, func(h string) bool { return strings.HasPrefix(name, h) })
			if !wanted[name] && (!newHead || !head) {
				faults = append(faults, name+" does not belong to this model")
			}
		}
		if len(faults) > 0 {
			return fmt.Errorf("the weights do not fit config.json: %s", strings.Join(faults, "; "))
		}
		return nil
	})
}
