package torchmodel

import (
	"fmt"
	"strings"
)

// Freeze keeps the embeddings, the lowest layers, or both as they are in all training that follows: their parameters get no
// gradient, count in no norm and do not decay. What lies between them and the output is still computed with dropout, as
// transformers does. A second call replaces the first.
func (m *Model) Freeze(embeddings bool, layers int) error {
	if layers < 0 || layers > m.Config.Layers {
		return fmt.Errorf("%d layers cannot be frozen: the model has %d", layers, m.Config.Layers)
	}
	var prefixes []string
	if embeddings {
		prefixes = append(prefixes, "distilbert.embeddings.")
	}
	for i := range layers {
		prefixes = append(prefixes, fmt.Sprintf("distilbert.transformer.layer.%d.", i))
	}
	return m.session.do(func() error {
		if err := m.needWeights(); err != nil {
			return err
		}
		for i := range m.parameters {
			p := &m.parameters[i]
			p.frozen = false
			for _, prefix := range prefixes {
				p.frozen = p.frozen || strings.HasPrefix(p.Name, prefix)
			}
			if err := p.tensor.RequiresGrad_(!p.frozen); err != nil {
				return fmt.Errorf("freezing %s: %w", p.Name, err)
			}
		}
		return nil
	})
}
