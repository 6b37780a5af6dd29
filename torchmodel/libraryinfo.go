package torchmodel

// #include "csrc/pii_torch.h"
import "C"

import (
	"fmt"
	"regexp"
)

// LibraryInfo describes the libtorch that is running and what it computes with.
type LibraryInfo struct {
	BuiltFor       string       `json:"built_for"`                 // version that libtch.so was compiled for
	Version        string       `json:"version"`                   // version that runs; empty where it does not say
	Library        string       `json:"library"`                   // path of libtch.so
	Libtorch       string       `json:"libtorch"`                  // path of the libtorch_cpu that was loaded
	Source         string       `json:"source"`                    // where set-up took libtorch from, in words
	BLAS           string       `json:"blas"`                      // the library for matrix products in fp32
	OpenBLASCore   string       `json:"openblas_core,omitempty"`   // the processor that OpenBLAS takes this one for
	OpenBLASConfig string       `json:"openblas_config,omitempty"` // how OpenBLAS was built
	OneDNN         string       `json:"onednn,omitempty"`          // version of oneDNN
	Threads        int          `json:"threads"`                   // threads of one operation on the CPU
	CUDA           []CUDADevice `json:"cuda"`                      // devices, none on a machine without
	NoCUDA         string       `json:"no_cuda,omitempty"`         // why there is no device
	CUDAHeaders    bool         `json:"cuda_headers"`              // see BuiltFor
	Config         string       `json:"config"`                    // libtorch's own description of how it was built
}

// CUDADevice is a device that libtorch can compute on.
type CUDADevice struct {
	Index       int    `json:"index"`
	Name        string `json:"name"`
	TotalMemory int64  `json:"total_memory"` // bytes
	FreeMemory  int64  `json:"free_memory"`  // bytes, when asked
}

// Info loads libtorch where that has not been done, and describes it.
func Info() (LibraryInfo, error) {
	if err := Load(); err != nil {
		return LibraryInfo{}, err
	}
	if err := SetThreads(chooseThreads(0)); err != nil {
		return LibraryInfo{}, err
	}
	info := LibraryInfo{
		BuiltFor: builtVersion(),
		Library:  loaded.path,
		Source:   loaded.built.Source,
		Threads:  Threads(),

		CUDAHeaders: loaded.built.CUDAHeaders,
		CUDA:        []CUDADevice{},
	}
	for _, fill := range []func() error{info.fillConfig, info.fillLibraries, info.fillCUDA} {
		if err := fill(); err != nil {
			return LibraryInfo{}, fmt.Errorf("describe libtorch: %w", err)
		}
	}
	return info, nil
}

func (info *LibraryInfo) fillConfig() (err error) {
	info.Config, err = showConfig()
	info.Version = versionIn(info.Config)
	return err
}

func (info *LibraryInfo) fillLibraries() error {
	var path, core, config, onednn *C.char
	if err := taken(C.pii_torch_library_path(&path)); err != nil {
		return err
	}
	info.Libtorch = takenText(path)
	if err := taken(C.pii_torch_openblas(&core, &config)); err != nil {
		return err
	}
	info.OpenBLASCore, info.OpenBLASConfig = takenText(core), takenText(config)
	info.BLAS = blasName(info.Config, info.OpenBLASCore != "")
	if err := taken(C.pii_torch_onednn_version(&onednn)); err != nil {
		return err
	}
	info.OneDNN = takenText(onednn)
	if info.OneDNN == "" {
		info.OneDNN = oneDNNIn(info.Config)
	}
	return nil
}

func (info *LibraryInfo) fillCUDA() error {
	var count C.int
	var why *C.char
	if err := taken(C.pii_torch_cuda_device_count(&count, &why)); err != nil {
		return err
	}
	info.NoCUDA = takenText(why)
	for i := range int(count) {
		device, err := cudaDevice(i)
		if err != nil {
			return err
		}
		info.CUDA = append(info.CUDA, device)
	}
	return nil
}

func cudaDevice(index int) (CUDADevice, error) {
	var name *C.char
	var total, free C.int64_t
	if err := taken(C.pii_torch_cuda_device(C.int(index), &name, &total, &free)); err != nil {
		return CUDADevice{}, fmt.Errorf("CUDA device %d: %w", index, err)
	}
	return CUDADevice{Index: index, Name: takenText(name), TotalMemory: int64(total), FreeMemory: int64(free)}, nil
}

var (
	blasSetting   = regexp.MustCompile(`BLAS_INFO=(\w+)`)
	oneDNNSetting = regexp.MustCompile(`(?:MKL-DNN|oneDNN) v([0-9.]+)`)
)

// blasName names the library behind matrix products. A libtorch linked to the distribution's libblas says "generic": what
// that is shows only when it is loaded.
func blasName(config string, openBLAS bool) string {
	if openBLAS {
		return "OpenBLAS"
	}
	m := blasSetting.FindStringSubmatch(config)
	switch {
	case m == nil:
		return "unknown"
	case m[1] == "mkl":
		return "MKL"
	}
	return m[1]
}

func oneDNNIn(config string) string {
	if m := oneDNNSetting.FindStringSubmatch(config); m != nil {
		return m[1]
	}
	return ""
}
