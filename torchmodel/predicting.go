package torchmodel

import (
	"errors"
	"fmt"
	"slices"
)

// LoadToPredict reads a model folder as Load does, prepared to predict in a precision. On the CPU it does so without libtorch: each
// layer's weights are read, copied as the processor likes them, and dropped before the next one's, so the model is in memory once. It
// can neither be trained nor saved, and the folder's files must stay as they are until it is closed.
func (s *Session) LoadToPredict(dir, name string) (*Model, error) {
	precision, err := s.precision(name)
	if err != nil {
		return nil, fmt.Errorf("loading model %s: %w", dir, err)
	}
	if s.device.IsCuda() {
		return s.loadPrepared(dir, precision)
	}
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	m, err := s.loadIntoEngine(dir, c, precision)
	if err != nil {
		return nil, fmt.Errorf("loading model %s: %w", dir, err)
	}
	return m, nil
}

func (s *Session) loadIntoEngine(dir string, c Config, precision string) (*Model, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	found, err := openCheckpoint(dir, wholeOf(c))
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c, session: s, parameters: c.parameters()}
	words := m.parameters[0]
	m.words = &wordRows{file: found.file, stored: found.weights[words.Name], has: make([]bool, words.Shape[0])}
	err = s.do(func() error { return m.readIntoEngine(found, precision) })
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// readIntoEngine runs on the owner's thread.
func (m *Model) readIntoEngine(found *checkpoint, precision string) (err error) {
	parts := m.parts()
	if m.words.memory, err = newFloats(sizeOfPart(parts[0])); err != nil {
		return err
	}
	most := 0
	for _, part := range parts[1:] {
		most = max(most, sizeOfPart(part))
	}
	buffer, err := newFloats(most)
	if err != nil {
		return err
	}
	err = m.makeEngine(precision, byBest, func(part []Parameter) ([][]float32, error) {
		if part[0].Name == parts[0][0].Name {
			return m.readEmbeddings(part, found)
		}
		return readPart(part, found, buffer)
	})
	return errors.Join(err, freeFloats(buffer))
}

func sizeOfPart(part []Parameter) int {
	n := 0
	for _, p := range part {
		n += elements(p.Shape)
	}
	return n
}

// readEmbeddings reads all of the part but the words, whose rows follow one by one, if they lie in the file as in memory.
func (m *Model) readEmbeddings(part []Parameter, found *checkpoint) ([][]float32, error) {
	n := elements(part[0].Shape)
	words := m.words.memory[:n]
	if m.words.stored.strides != nil {
		if err := m.words.stored.floats(words); err != nil {
			return nil, err
		}
		m.words.has = slices.Repeat([]bool{true}, len(m.words.has))
	}
	others, err := readPart(part[1:], found, m.words.memory[n:])
	return slices.Insert(others, 0, words), err
}

// readPart reads parameters into memory, one behind the other.
func readPart(part []Parameter, found *checkpoint, memory []float32) ([][]float32, error) {
	var list [][]float32
	for _, p := range part {
		n := elements(p.Shape)
		if err := found.weights[p.Name].floats(memory[:n]); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		list, memory = append(list, memory[:n]), memory[n:]
	}
	return list, nil
}
