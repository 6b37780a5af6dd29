package stages

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"pii/torchmodel"
)

// hardware tells machines apart whose times cannot be compared: the processor, and the GPUs where one may be timed.
func (c *Config) hardware() (string, error) {
	built, err := torchmodel.Built()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s, %d cores", torchmodel.CPUModel(), runtime.NumCPU())
	if built.CUDA && slices.ContainsFunc(c.BenchmarkDevices, func(device string) bool { return device != "cpu" }) {
		name = strings.Join(append([]string{name}, gpuNames("/proc/driver/nvidia/gpus")...), ", ")
	}
	return name, nil
}

// gpuNames are those of a machine's GPUs as Nvidia's driver tells them, sorted: libtorch, which takes seconds to look at a GPU, is not
// needed for a key. There are none where the driver keeps no such folder.
func gpuNames(dir string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*", "information")) // the pattern is a good one
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			if model, ok := strings.CutPrefix(line, "Model:"); ok {
				names = append(names, strings.TrimSpace(model))
			}
		}
	}
	slices.Sort(names)
	return names
}
