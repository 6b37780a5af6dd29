package torchmodel

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCoretype(t *testing.T) {
	old, avx2, avx512 := processor{}, processor{avx2: true}, processor{avx2: true, avx512: true}
	zen := processor{avx2: true, amd: true}
	for _, c := range []struct {
		core string
		on   processor
		want string
	}{
		{"Prescott", avx512, "SkylakeX"},
		{"prescott", avx512, "SkylakeX"},
		{"Prescott", avx2, "Haswell"},
		{"Nehalem", avx2, "Haswell"},
		{"Barcelona", zen, "Zen"},
		{"Generic", processor{avx2: true, avx512: true, amd: true}, "SkylakeX"},
		{"Prescott", old, ""},
		{"Haswell", avx512, ""}, // known, and perhaps chosen
		{"SkylakeX", avx512, ""},
		{"SapphireRapids", avx512, ""},
		{"Zen", zen, ""},
		{"ARMV8", old, ""},
		{"", avx512, ""},
	} {
		if got := coretype(c.core, c.on); got != c.want {
			t.Errorf("OpenBLAS says %q on %+v: chose %q, want %q", c.core, c.on, got, c.want)
		}
	}
}

// fakeOpenBLAS makes a folder with a libtch.so that wants an OpenBLAS, and an OpenBLAS that takes every processor for core.
func fakeOpenBLAS(t *testing.T, core string) (environment []string) {
	t.Helper()
	dir := t.TempDir()
	compileC(t, filepath.Join(dir, "libopenblas.so.0"), `const char *openblas_get_corename(void) { return "`+core+`"; }`)
	writeFile(t, filepath.Join(dir, "libtch.so"), "")
	description, err := json.Marshal(BuiltFor{OpenBLAS: "libopenblas.so.0"})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "libtch.json"), string(description))
	return []string{"LD_LIBRARY_PATH=" + dir, LibraryVariable + "=" + filepath.Join(dir, "libtch.so"), coretypeVariable + "=", NoReexecVariable + "="}
}

func TestReexecSetsTheVariableOnce(t *testing.T) {
	environment := fakeOpenBLAS(t, "Prescott")
	want := coretype("Prescott", thisProcessor())
	for name, c := range map[string]struct {
		more []string
		want string
	}{
		"mistaken processor":   {nil, want},
		"forbidden":            {[]string{NoReexecVariable + "=1"}, ""},
		"chosen by the user":   {[]string{coretypeVariable + "=Nehalem"}, "Nehalem"},
		"no OpenBLAS":          {[]string{"LD_LIBRARY_PATH=/nonexistent", LibraryVariable + "=" + withoutOpenBLAS(t)}, ""},
		"no libtch.so":         {[]string{LibraryVariable + "=/nonexistent/libtch.so"}, ""},
		"a processor it knows": {fakeOpenBLAS(t, "Haswell"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			output := runHelper(t, "reexec", slices.Concat(environment, c.more)...)
			if want := "coretype=" + c.want + "\n"; !strings.Contains(output, want) {
				t.Errorf("the process says %q, want %q in it", output, want)
			}
		})
	}
}

func withoutOpenBLAS(t *testing.T) string {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "libtch.so"), "")
	writeFile(t, filepath.Join(dir, "libtch.json"), "{}")
	return filepath.Join(dir, "libtch.so")
}

func compileC(t *testing.T, to, source string, flags ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "source.c")
	writeFile(t, file, source)
	command := exec.Command("gcc", slices.Concat([]string{"-shared", "-fPIC", "-w", "-o", to, file}, flags)...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, output)
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
