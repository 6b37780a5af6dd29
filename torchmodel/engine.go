package torchmodel

// #include <stdlib.h>
// #include "csrc/engine/engine.h"
// #include "csrc/forward.h"
// #include "csrc/pii_torch.h"
import "C"

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Precisions are the names of what the large products of a prediction may be computed in. Auto, of a model of which nothing more is
// known, is bf16 on GPUs from Ampere on, else fp32: the others may change tags. See ReducedPrecisions for these.
var Precisions = []string{Auto, FP32, TF32, FP16, BF16, INT8}

// The precisions: float32; float32 whose factors a GPU rounds to 10 bits; float16 and bfloat16 with sums in float32; bytes, where
// weights have a scale for each output and inputs one for each token, with exact sums.
const (
	Auto = "auto"
	FP32 = "fp32"
	TF32 = "tf32"
	FP16 = "fp16"
	BF16 = "bf16"
	INT8 = "int8"
)

var precisionCodes = map[string]C.int{FP32: C.PII_FP32, BF16: C.PII_BF16, INT8: C.PII_INT8}

// products are who may compute the large products: tests ask for one of them.
type products C.int

const (
	byBest   products = C.PII_BY_BEST
	byOwn    products = C.PII_BY_OWN
	byOneDNN products = C.PII_BY_ONEDNN
)

// NoPrecisionError says that a precision that was asked for cannot be had.
type NoPrecisionError struct{ Precision, Reason string }

func (e *NoPrecisionError) Error() string {
	return fmt.Sprintf("precision %s: %s", e.Precision, e.Reason)
}

// CheckPrecision reports whether name is that of a precision, without looking whether this machine has it.
func CheckPrecision(name string) error {
	if !slices.Contains(Precisions, name) {
		return fmt.Errorf("precision %q is not auto, fp32, tf32, fp16, bf16 or int8", name)
	}
	return nil
}

// ResolvePrecision is what Prepare would compute in for this name on a device, "cpu" or "cuda:N". For the CPU, libtorch is not loaded.
func ResolvePrecision(name, device string) (string, error) {
	if err := CheckPrecision(name); err != nil {
		return "", err
	}
	if device != "cpu" {
		return resolveOnCUDA(name, device)
	}
	switch name {
	case Auto:
		return FP32, nil
	case FP16, TF32:
		return "", &NoPrecisionError{name, "on the CPU there are fp32, bf16 and int8"}
	}
	return name, nil
}

// engine computes logits without libtorch, in libpii.so. It reads the model's embeddings where they are, and has copies of all other
// weights.
type engine struct {
	pointer   unsafe.Pointer
	precision string
}

// precision is ResolvePrecision for the session's device, on a CPU with the engine loaded.
func (s *Session) precision(name string) (string, error) {
	precision, err := ResolvePrecision(name, s.Device())
	if err != nil || s.device.IsCuda() {
		return precision, err
	}
	if _, err := loadEngine(); err != nil {
		return "", err
	}
	return precision, nil
}

// Prepare makes the model ready to predict in a precision, where it classifies tokens. On the CPU its weights are copied as the
// processor likes them, and Logits no longer goes through libtorch's operators; on a GPU they are cast. What trains the model undoes it.
func (m *Model) Prepare(precision string) error { return m.prepare(precision, byBest) }

func (m *Model) prepare(name string, by products) error {
	precision, err := m.session.precision(name)
	if err != nil {
		return err
	}
	if m.Config.MaskedLM {
		return nil
	}
	if m.session.device.IsCuda() {
		return m.preparePass(precision)
	}
	return m.session.do(func() error {
		err := m.needWeights()
		if err == nil {
			err = m.makeEngine(precision, by, weightsOf)
		}
		if err != nil {
			return fmt.Errorf("preparing the model for %s: %w", precision, err)
		}
		return nil
	})
}

// Precision is what Logits computes in.
func (m *Model) Precision() string {
	switch {
	case m.engine != nil:
		return m.engine.precision
	case m.pass != nil:
		return m.pass.precision
	}
	return FP32
}

// Products says what computes the large products: libtorch, oneDNN, or loops of ours for an instruction set; on a GPU also what else it uses.
func (m *Model) Products() string {
	switch {
	case m.engine == nil && m.pass == nil:
		return "libtorch"
	case m.engine == nil:
		return C.GoString(C.pii_forward_products(m.pass.pointer))
	}
	return C.GoString(C.pii_engine_products(m.engine.pointer))
}

// makeEngine gives the model an engine. weights finds each part's, in memory that is not Go's; that of the embeddings must stay as long
// as the engine. It runs on the owner's thread.
func (m *Model) makeEngine(precision string, by products, weights func(part []Parameter) ([][]float32, error)) error {
	made, err := m.newEngine(precision, by)
	if err != nil {
		return err
	}
	m.dropEngine()
	m.engine = made
	for _, part := range m.parts() {
		list, err := weights(part)
		if err == nil {
			err = made.lacking(made.take(list))
		}
		if err != nil {
			m.dropEngine()
			return err
		}
	}
	return nil
}

// newEngine makes an engine without weights.
func (m *Model) newEngine(precision string, by products) (*engine, error) {
	if C.pii_engine_supports(precisionCodes[precision]) == 0 {
		return nil, &NoPrecisionError{precision, "this processor has no instructions for it (int8 needs AVX2, bf16 AVX512_BF16 or AMX); fp32 works everywhere"}
	}
	shape := m.Config.shape()
	e := &engine{precision: precision}
	err := taken(C.pii_engine_make(&shape, precisionCodes[precision], C.int(by), C.int(m.session.threads), &e.pointer))
	return e, e.lacking(err)
}

// lacking is an error in making the engine or in giving it weights. Where it computes in a reduced precision, others may still be had.
func (e *engine) lacking(err error) error {
	if err == nil || e.precision == FP32 {
		return err
	}
	return &NoPrecisionError{e.precision, err.Error()}
}

// shape is what the C++ side has to know of the model.
func (c Config) shape() C.pii_engine_shape {
	shape := C.pii_engine_shape{dim: C.int64_t(c.Dim), hidden: C.int64_t(c.HiddenDim), layers: C.int64_t(c.Layers),
		heads: C.int64_t(c.Heads), classes: C.int64_t(c.classes()), eps: layerNormEps}
	if c.Activation == "relu" {
		shape.relu = 1
	}
	return shape
}

// parts divides the parameters as pii_engine_take wants them: the embeddings, each layer, the classifier.
func (m *Model) parts() [][]Parameter {
	const embeddings, layer, classifier = 4, 16, 2
	last := len(m.parameters) - classifier
	list := slices.AppendSeq([][]Parameter{m.parameters[:embeddings]}, slices.Chunk(m.parameters[embeddings:last], layer))
	return append(list, m.parameters[last:])
}

func (e *engine) take(weights [][]float32) error {
	var list []*C.float
	for _, values := range weights {
		list = append(list, (*C.float)(unsafe.SliceData(values)))
	}
	return taken(C.pii_engine_take(e.pointer, unsafe.SliceData(list)))
}

// weightsOf finds the weights of a part that is in tensors.
func weightsOf(part []Parameter) (list [][]float32, err error) {
	for _, p := range part {
		values, err := floatsOf(p.tensor)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		list = append(list, values)
	}
	return list, nil
}

// dropEngine runs on the owner's thread.
func (m *Model) dropEngine() {
	m.dropPass()
	if m.engine != nil {
		C.pii_engine_free(m.engine.pointer)
		m.engine = nil
	}
}

// engineLogits computes logits of rows that have been checked. It runs on the owner's thread.
func (m *Model) engineLogits(rows []Row) ([][]float32, error) {
	if m.words != nil {
		if err := m.words.need(rows); err != nil {
			return nil, err
		}
	}
	m.flat.set(rows)
	flat := make([]float32, len(m.flat.ids)*m.Config.classes())
	if err := taken(C.pii_engine_run(m.engine.pointer, (*C.int32_t)(unsafe.SliceData(m.flat.ids)), (*C.int32_t)(unsafe.SliceData(m.flat.starts)),
		C.int32_t(len(rows)), (*C.float)(unsafe.SliceData(flat)))); err != nil {
		return nil, err
	}
	return m.cut(flat, rows), nil
}

// flatRows are rows one after another: row i is ids[starts[i]:starts[i+1]].
type flatRows struct{ ids, starts []int32 }

func (f *flatRows) set(rows []Row) {
	f.ids, f.starts = f.ids[:0], append(f.starts[:0], 0)
	for _, row := range rows {
		f.ids = append(f.ids, row.IDs...)
		f.starts = append(f.starts, int32(len(f.ids)))
	}
}

// cut gives each row its part of the logits (tokens of all rows, K).
func (m *Model) cut(flat []float32, rows []Row) [][]float32 {
	width := m.Config.classes()
	logits := make([][]float32, len(rows))
	for i, row := range rows {
		n := len(row.IDs) * width
		logits[i], flat = flat[:n:n], flat[n:]
	}
	return logits
}

// preparedJudge is Judge of a model that is prepared for predicting. It runs on the owner's thread.
func (m *Model) preparedJudge(rows []Row) (Judged, error) {
	if err := m.Config.checkRows(rows); err != nil {
		return Judged{}, err
	}
	p, err := m.begin(rows)
	if err == nil {
		err = p.finish()
	}
	if err != nil {
		return Judged{}, err
	}
	logits := p.logits
	j := Judged{Tokens: countLabelled(rows), Logits: logits}
	width := m.Config.classes()
	for i, row := range rows {
		if row.Tags == nil {
			return Judged{}, errNoTags
		}
		for t, tag := range row.Tags {
			if tag != IgnoreIndex {
				j.LossSum += crossEntropy(logits[i][t*width:(t+1)*width], int(tag))
			}
		}
	}
	return j, nil
}

// crossEntropy is -log softmax(scores)[class].
func crossEntropy(scores []float32, class int) float64 {
	highest, sum := float64(slices.Max(scores)), 0.0
	for _, x := range scores {
		sum += math.Exp(float64(x) - highest)
	}
	return math.Log(sum) + highest - float64(scores[class])
}
