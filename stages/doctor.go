package stages

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/cpu"

	"pii/torchmodel"
)

// DoctorReport is what `pii doctor` says of the machine.
type DoctorReport struct {
	Versions     map[string]string       `json:"versions"`
	CPU          string                  `json:"cpu"`
	Cores        int                     `json:"cores"`
	Instructions []InstructionSet        `json:"instructions"` // those that matter for speed
	Engine       *torchmodel.EngineInfo  `json:"engine"`       // what predicts on the CPU; nil where it cannot be loaded
	Auto         []string                `json:"auto"`         // the precisions that auto tries for a model as wide as DistilBERT-base, in order
	Libtorch     *torchmodel.LibraryInfo `json:"libtorch"`     // nil where it cannot be loaded
	Problems     []Problem               `json:"problems"`     // what does not work, or slows the user down
}

// InstructionSet is a part of the processor's instructions that the fast paths use.
type InstructionSet struct {
	Name string `json:"name"`
	Has  bool   `json:"has"`
}

// Problem is something that is wrong, and what to do about it.
type Problem struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

// Doctor looks at the machine.
func Doctor(version string) DoctorReport {
	x := cpu.X86
	r := DoctorReport{Versions: Versions(version), CPU: torchmodel.CPUModel(), Cores: runtime.NumCPU(),
		Instructions: []InstructionSet{
			{"avx2", x.HasAVX2 && x.HasFMA},
			{"avx512", x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL},
			{"avx512_vnni", x.HasAVX512VNNI},
			{"avx512_bf16", x.HasAVX512BF16},
			{"amx", x.HasAMXTile && (x.HasAMXBF16 || x.HasAMXInt8)},
		}}
	engine, err := torchmodel.Engine()
	if err == nil {
		r.Auto, err = autoOrder(torchmodel.DistilBERTBase(1, nil).Dim)
	}
	if err != nil {
		r.Problems = append(r.Problems, Problem{err.Error(), "make setup; without the engine nothing can be predicted on the CPU"})
	} else {
		r.Engine = &engine
	}
	info, err := torchmodel.Info()
	if err != nil {
		r.Problems = append(r.Problems, Problem{err.Error(), "make setup; without libtorch nothing can be trained"})
		return r
	}
	r.Libtorch = &info
	r.Problems = append(r.Problems, r.slowness(os.Getenv)...)
	return r
}

// slowness lists what will slow the user down.
func (r DoctorReport) slowness(getenv func(string) string) (problems []Problem) {
	add := func(what, remedy string) { problems = append(problems, Problem{what, remedy}) }
	l := r.Libtorch
	if wanted := torchmodel.OpenBLASCoretype(); wanted != "" {
		add(fmt.Sprintf("OpenBLAS takes this processor for a %s", l.OpenBLASCore),
			fmt.Sprintf("set OPENBLAS_CORETYPE=%s, or unset PII_NO_REEXEC and pii does it", wanted))
	}
	if l.OpenBLASConfig != "" && !strings.Contains(l.OpenBLASConfig, "USE_OPENMP") {
		add("this build of OpenBLAS has threads of its own, which fight libtorch's", "apt install libopenblas0-openmp")
	}
	if l.BLAS == "generic" || l.BLAS == "open" {
		add("libtorch multiplies matrices with the reference BLAS", "apt install libopenblas0-openmp")
	}
	if l.OneDNN == "" {
		add("this libtorch is built without oneDNN", "use Debian's libtorch-dev or an official archive")
	}
	if !r.Instructions[0].Has {
		add("the processor has no AVX2", "use a machine from after 2015")
	}
	if len(l.CUDA) > 0 && !l.CUDAHeaders {
		add("libtch.so was compiled without CUDA's headers: without CUDA graphs a text alone takes longer, and pii benchmark does not say what memory it takes",
			"install them (pip: nvidia-cuda-runtime; or set CUDA_HOME) and make setup")
	}
	for _, name := range []string{"OMP_NUM_THREADS", "MKL_NUM_THREADS"} {
		if getenv(name) != "" && l.Threads < r.Cores {
			add(fmt.Sprintf("%s lets libtorch use %d threads of %d cores", name, l.Threads, r.Cores), "unset "+name)
		}
	}
	return problems
}

// Print writes the report as text.
func (r DoctorReport) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	v := r.Versions
	fmt.Fprintf(t, "pii\t%s (%s)\ngotch\t%s\n", v["pii"], v["go"], v["gotch"])
	var has, lacks []string
	for _, set := range r.Instructions {
		if set.Has {
			has = append(has, set.Name)
		} else {
			lacks = append(lacks, set.Name)
		}
	}
	fmt.Fprintf(t, "processor\t%s, %d cores\ninstructions\t%s (not: %s)\n", r.CPU, r.Cores, orNone(has), orNone(lacks))
	if r.Engine != nil {
		fmt.Fprintf(t, "engine\t%s (%s)\n", r.Engine.Library, strings.Join(r.Engine.Precisions, ", "))
		fmt.Fprintf(t, "precision auto\tthe first that is measured to be near fp32 for a model: %s\n", strings.Join(r.Auto, ", "))
	}
	if l := r.Libtorch; l != nil {
		fmt.Fprintf(t, "libtorch\t%s, %s\nlibtch.so\t%s\n", l.BuiltFor, l.Libtorch, l.Library)
		core := ""
		if l.OpenBLASCore != "" {
			core = " (kernels for " + l.OpenBLASCore + ")"
		}
		fmt.Fprintf(t, "BLAS\t%s%s\noneDNN\t%s\nthreads\t%d\n", l.BLAS, core, orNone([]string{l.OneDNN}), l.Threads)
		for _, d := range l.CUDA {
			fmt.Fprintf(t, "cuda:%d\t%s, %.1f of %.1f GiB free\n", d.Index, d.Name, gib(d.FreeMemory), gib(d.TotalMemory))
		}
		if len(l.CUDA) == 0 {
			fmt.Fprintf(t, "CUDA\tnone: %s\n", l.NoCUDA)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "\n! %s\n  %s\n", p.What, p.Remedy)
	}
	if len(r.Problems) == 0 {
		fmt.Fprintln(w, "\nnothing here slows pii down")
	}
	return nil
}

func orNone(list []string) string {
	if text := strings.Join(list, " "); text != "" {
		return text
	}
	return "none"
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// Reexec starts the program again where that makes it faster; see torchmodel.Reexec.
func Reexec() error { return torchmodel.Reexec() }
