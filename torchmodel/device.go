package torchmodel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sugarme/gotch"
)

// NoDeviceError says that a device that was asked for is not there.
type NoDeviceError struct{ Device, Reason string }

func (e *NoDeviceError) Error() string { return fmt.Sprintf("device %s: %s", e.Device, e.Reason) }

// CheckDevice reports whether name is a way to name a device, without looking whether it is there.
func CheckDevice(name string) error {
	_, err := deviceIndex(name)
	return err
}

// deviceIndex is -1 for cpu and auto.
func deviceIndex(name string) (int, error) {
	kind, number, numbered := strings.Cut(name, ":")
	index, err := strconv.Atoi(number)
	switch {
	case name == "cpu" || name == "auto":
		return -1, nil
	case name == "cuda":
		return 0, nil
	case kind == "cuda" && numbered && err == nil && index >= 0:
		return index, nil
	}
	return 0, fmt.Errorf("device %q is not auto, cpu, cuda or cuda:N", name)
}

// findDevice finds the device that a name stands for. libtorch is loaded for it only where the answer depends on the machine's GPUs,
// and the driver for these is there.
func findDevice(name string) (gotch.Device, error) {
	index, err := deviceIndex(name)
	if err != nil || name == "cpu" {
		return gotch.CPU, err
	}
	built, err := Built()
	if err != nil {
		return gotch.CPU, err
	}
	if possible := built.CUDA && hasDriver(); name == "auto" && !possible {
		return gotch.CPU, nil
	}
	if err := Load(); err != nil {
		return gotch.CPU, err
	}
	count := 0
	if gotch.CUDA.IsAvailable() {
		count = int(gotch.CUDA.DeviceCount())
	}
	switch {
	case name == "auto" && count == 0:
		return gotch.CPU, nil
	case count == 0:
		return gotch.CPU, &NoDeviceError{name, "libtorch finds no CUDA device (pii doctor says why)"}
	case index >= count:
		return gotch.CPU, &NoDeviceError{name, fmt.Sprintf("there are %d CUDA devices, counted from 0", count)}
	}
	return gotch.CudaBuilder(uint(max(index, 0))), nil
}

// hasDriver reports whether there is NVIDIA's driver.
func hasDriver() bool {
	_, err := openShared("libcuda.so.1")
	return err == nil
}

// ResolveDevice is what Open would compute on for this name: "cpu" or "cuda:N".
func ResolveDevice(name string) (string, error) {
	device, err := findDevice(name)
	if err != nil {
		return "", err
	}
	return deviceName(device), nil
}

func deviceName(device gotch.Device) string {
	if device.IsCuda() {
		return fmt.Sprintf("cuda:%d", device.Value)
	}
	return "cpu"
}
