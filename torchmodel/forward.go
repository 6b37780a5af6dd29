package torchmodel

// #include "csrc/forward.h"
// #include "csrc/pii_torch.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// forwardPass computes logits by libtorch's operators, in one call for a batch: what predicts on a GPU. Its weights are the model's,
// or copies in another precision. See csrc/forward.h.
type forwardPass struct {
	pointer   unsafe.Pointer
	precision string
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
	if m.pass != nil {
		C.pii_forward_free(m.pass.pointer)
		m.pass = nil
	}
}

// passLogits computes logits of rows that have been checked. It runs on the owner's thread.
func (m *Model) passLogits(rows []Row) ([][]float32, error) {
	return m.logitsOneAfterAnother(rows, func(ids, starts *C.int32_t, n C.int32_t, logits *C.float) error {
		return taken(C.pii_forward_run(m.pass.pointer, ids, starts, n, logits))
	})
}

// logitsOfRows computes logits in the way that the model is prepared for. It runs on the owner's thread.
func (m *Model) logitsOfRows(rows []Row) (logits [][]float32, err error) {
	err = m.session.inParts(rows, func(part []Row) error {
		var some [][]float32
		var err error
		switch {
		case m.engine != nil:
			some, err = m.engineLogits(part)
		case m.pass != nil:
			some, err = m.passLogits(part)
		default:
			some, err = m.libtorchLogits(part)
		}
		logits = append(logits, some...)
		return err
	})
	return logits, err
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
