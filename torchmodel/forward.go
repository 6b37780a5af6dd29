package torchmodel

// #include "csrc/forward.h"
// #include "csrc/pii_torch.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"
	"unsafe"
)

// forwardPass computes logits by libtorch's operators, in one call for a batch: what predicts on a GPU. Its weights are the model's,
// or copies in another precision. See csrc/forward.h.
type forwardPass struct {
	pointer   unsafe.Pointer
	precision string
	underWay  []part // submitted and not yet collected, the first one first
}

// part is some rows of what was submitted, computed at once.
type part struct {
	rows []Row
	of   *Pending
}

var passCodes = map[string]C.int{FP32: C.PII_FORWARD_FP32, TF32: C.PII_FORWARD_TF32, FP16: C.PII_FORWARD_FP16, BF16: C.PII_FORWARD_BF16}

// resolveOnCUDA is ResolvePrecision for device N. It loads libtorch and asks the driver where the answer depends on the GPU.
func resolveOnCUDA(name, device string) (string, error) {
	switch name {
	case FP32, TF32, FP16:
		return name, nil
	case INT8:
		return "", &NoPrecisionError{name, "on " + device + " there are fp32, tf32, fp16 and bf16"}
	}
	native, err := hasBF16(device)
	switch {
	case err != nil:
		return "", err
	case native:
		return BF16, nil
	case name == Auto:
		return FP32, nil
	}
	return "", &NoPrecisionError{name, device + " is older than compute capability 8.0 and cannot compute in it; fp16 and fp32 work"}
}

// hasBF16 reports whether a GPU multiplies matrices of bfloat16: those from Ampere on do.
func hasBF16(device string) (bool, error) {
	if err := Load(); err != nil {
		return false, err
	}
	index, err := deviceIndex(device)
	if err != nil {
		return false, err
	}
	var major, minor C.int
	if err := taken(C.pii_torch_cuda_capability(C.int(index), &major, &minor)); err != nil {
		return false, &NoDeviceError{device, err.Error()}
	}
	return major >= 8, nil
}

// loadPrepared is LoadToPredict on a GPU, where the model keeps its weights beside those that are cast.
func (s *Session) loadPrepared(dir, precision string) (*Model, error) {
	m, err := s.Load(dir)
	if err != nil {
		return nil, err
	}
	if err := m.preparePass(precision); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// preparePass makes the forward pass of a model that classifies tokens.
func (m *Model) preparePass(precision string) error {
	shape := m.Config.shape()
	return m.session.do(func() error {
		if err := m.needWeights(); err != nil {
			return err
		}
		m.dropEngine()
		weights := m.tensors() // in the order that assemble gives them, which is that of pii_engine_take
		defer runtime.KeepAlive(weights)
		p := &forwardPass{precision: precision}
		if err := taken(C.pii_forward_make(&shape, pointers(weights), passCodes[precision], &p.pointer)); err != nil {
			return fmt.Errorf("preparing the model for %s: %w", precision, err)
		}
		m.pass = p
		return nil
	})
}

// dropPass runs on the owner's thread.
func (m *Model) dropPass() {
	if m.pass == nil {
		return
	}
	for _, part := range m.pass.underWay {
		part.of.err, part.of.underWay = errClosed, part.of.underWay-1
	}
	C.pii_forward_free(m.pass.pointer)
	m.pass = nil
}

// submitToPass lets the pass begin with rows that have been checked. It runs on the owner's thread.
func (m *Model) submitToPass(rows []Row, of *Pending) error {
	p := m.pass
	if len(p.underWay) == C.PII_FORWARD_DEPTH {
		m.collectFirst()
	}
	m.flat.set(rows)
	err := taken(C.pii_forward_submit(p.pointer, (*C.int32_t)(unsafe.SliceData(m.flat.ids)), (*C.int32_t)(unsafe.SliceData(m.flat.starts)),
		C.int32_t(len(rows))))
	if err != nil {
		return err
	}
	p.underWay = append(p.underWay, part{rows, of})
	of.underWay++
	return m.warnOfPass()
}

// collectFirst waits for what was submitted to the pass first, and gives it to whom it is of. It runs on the owner's thread.
func (m *Model) collectFirst() {
	p := m.pass
	first := p.underWay[0]
	p.underWay = p.underWay[1:]
	first.of.underWay--
	tokens := 0
	for _, row := range first.rows {
		tokens += len(row.IDs)
	}
	flat := make([]float32, tokens*m.Config.classes())
	if err := taken(C.pii_forward_collect(p.pointer, (*C.float)(unsafe.SliceData(flat)))); err != nil {
		first.of.err = errors.Join(first.of.err, err)
		return
	}
	first.of.logits = append(first.of.logits, m.cut(flat, first.rows)...)
}

// warnOfPass tells the user what the pass has to say, which is once at most.
func (m *Model) warnOfPass() error {
	var text *C.char
	if err := taken(C.pii_forward_warning(m.pass.pointer, &text)); err != nil {
		return err
	}
	if warning := takenText(text); warning != "" && m.session.Warn != nil {
		m.session.Warn("%s", warning)
	}
	return nil
}

// CopyTime is how long copies to and from the device took since the last call, of what was collected; known is false where there are
// none, as on the CPU, and where libtorch does not tell.
func (m *Model) CopyTime() (took time.Duration, known bool, err error) {
	var seconds C.double
	err = m.session.do(func() error {
		if m.pass == nil || !m.session.device.IsCuda() {
			return nil
		}
		known = true
		return taken(C.pii_forward_copied(m.pass.pointer, &seconds))
	})
	if s := float64(seconds); known && !math.IsNaN(s) {
		return time.Duration(s * float64(time.Second)), true, err
	}
	return 0, false, err
}

// Pending are logits that may still be computed.
type Pending struct {
	model    *Model
	logits   [][]float32 // of the rows that are collected
	underWay int         // parts that are not
	err      error
}

// Submit begins to compute what Logits returns. On a GPU it does not wait, so that the next rows are sent there while these are computed;
// where several are under way, it waits for the first of them. On the CPU it computes them.
func (m *Model) Submit(rows []Row) (p *Pending, err error) {
	if err := m.Config.checkRows(rows); err != nil {
		return nil, fmt.Errorf("computing logits: %w", err)
	}
	err = m.session.do(func() (err error) {
		if len(m.parameters) == 0 {
			return errClosed
		}
		p, err = m.begin(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("computing logits: %w", err)
	}
	return p, nil
}

// Logits waits for the logits of the rows that were submitted: see Model.Logits.
func (p *Pending) Logits() ([][]float32, error) {
	if err := p.model.session.do(p.finish); err != nil {
		return nil, fmt.Errorf("computing logits: %w", err)
	}
	for i := range p.logits {
		if !finite(p.logits[i]) {
			return nil, fmt.Errorf("computing logits: those of row %d are not numbers; %s", i, p.model.notFinite())
		}
	}
	return p.logits, nil
}

// begin begins to compute logits in the way that the model is prepared for. It runs on the owner's thread.
func (m *Model) begin(rows []Row) (*Pending, error) {
	p := &Pending{model: m}
	err := m.session.inParts(rows, func(part []Row) error {
		if m.engine == nil && m.pass != nil {
			return m.submitToPass(part, p)
		}
		compute := m.libtorchLogits
		if m.engine != nil {
			compute = m.engineLogits
		}
		some, err := compute(part)
		p.logits = append(p.logits, some...)
		return err
	})
	return p, err
}

// finish waits for what is under way. It runs on the owner's thread.
func (p *Pending) finish() error {
	for p.underWay > 0 && p.err == nil {
		p.model.collectFirst()
	}
	return p.err
}

// allowTF32 says whether a GPU may round the factors of float32 products from now on.
func allowTF32(allow bool) error {
	n := C.int(0)
	if allow {
		n = 1
	}
	return taken(C.pii_forward_allow_tf32(n))
}

// notFinite says why logits are no numbers.
func (m *Model) notFinite() string {
	if m.Precision() == FP16 {
		return "fp16 ends at 65504, and this model's states do not stay below; use bf16 or fp32"
	}
	return "the weights are broken"
}
