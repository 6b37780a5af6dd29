package stages

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"pii/torchmodel"
)

// memoryMeter measures how much memory a process with one of several models takes at most: what it had before any, and what the
// model adds. Linux tells; elsewhere nothing is known.
type memoryMeter struct {
	before int64 // resident before any model
	now    int64 // resident before the one that is measured
}

// begin is called before a model is loaded. What others have left and nobody uses, such as a training before, goes back to the system,
// and the peak, which the system keeps, starts anew.
func (m *memoryMeter) begin() {
	debug.FreeOSMemory()
	torchmodel.ReturnMemory()
	m.now = 0
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err == nil {
		m.now, _ = residentBytes("VmRSS")
	}
	if m.before == 0 {
		m.before = m.now
	}
}

// started is what was resident before any model, in megabytes of a million bytes; nil where it is not known.
func (m *memoryMeter) started() *float64 {
	if m.before == 0 {
		return nil
	}
	mb := float64(m.before) / 1e6
	return &mb
}

// peak is the most memory in megabytes of a million bytes since begin; nil where it is not known.
func (m *memoryMeter) peak() *float64 {
	highest, ok := residentBytes("VmHWM")
	if !ok || m.now == 0 {
		return nil
	}
	mb := float64(m.before+highest-m.now) / 1e6
	return &mb
}

// residentBytes is a line of what Linux says of this process's memory, in bytes.
func residentBytes(name string) (bytes int64, ok bool) {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, after, ok := strings.Cut(string(content), "\n"+name+":")
	if !ok {
		return 0, false
	}
	var kilobytes int64
	if _, err := fmt.Sscanf(after, "%d kB", &kilobytes); err != nil {
		return 0, false
	}
	return kilobytes * 1024, true
}

// deviceMeter measures what a model with its batches takes of a GPU's memory at most, as libtorch counts it.
type deviceMeter struct {
	session *torchmodel.Session
	before  torchmodel.DeviceMemory // of the models that were loaded before
}

// newDeviceMeter is called before a model is loaded.
func newDeviceMeter(session *torchmodel.Session) (deviceMeter, error) {
	d := deviceMeter{session: session}
	if err := d.again(); err != nil {
		return d, err
	}
	var err error
	d.before, _, _, err = session.DeviceMemory()
	return d, err
}

// again lets the peak begin anew.
func (d deviceMeter) again() error { return d.session.ResetDeviceMemory() }

// peak is the most since again: of tensors, and of what was taken from the device, in megabytes of a million bytes; nil where it is not known.
func (d deviceMeter) peak() (tensors, taken *float64, err error) {
	_, peak, known, err := d.session.DeviceMemory()
	if err != nil || !known {
		return nil, nil, err
	}
	mb := func(now, before int64) *float64 {
		v := float64(now-before) / 1e6
		return &v
	}
	return mb(peak.Tensors, d.before.Tensors), mb(peak.Taken, d.before.Taken), nil
}
