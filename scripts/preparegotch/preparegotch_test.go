package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const generated = `// GENERATED

void atg_abs(tensor *out__, tensor self) {
  PROTECT(
    auto outputs__ = torch::abs(*self);
    out__[0] = new torch::Tensor(outputs__);
  )
}

int64_t atg_new_thing(tensor self) {
  PROTECT(
    return torch::new_thing(*self);
  )
  return 0;
}

tensor *atg_chunk(tensor self, int64_t chunks) {
  PROTECT(
    auto outputs__ = torch::chunk(*self, chunks);
    return out__;
  )
  return nullptr;
}
`

func TestStubReplacesOnlyFaultyFunctions(t *testing.T) {
	log := `In file included from x.h:1:
dir/part.cpp: In function 'int64_t atg_new_thing(tensor)':
dir/part.cpp:12:19: error: 'new_thing' is not a member of 'torch'
/usr/include/tuple:13:25: error: static assertion failed
other_part.cpp:4:1: error: not this file
dir/part.cpp:19:40:   required from here
`
	text, names := stub(generated, faultyLines("part.cpp", log))
	if got := strings.Join(names, " "); got != "atg_new_thing atg_chunk" {
		t.Errorf("stubbed %q", got)
	}
	for _, want := range []string{
		"auto outputs__ = torch::abs(*self);",
		"int64_t atg_new_thing(tensor self) {\n  torch_last_err = strdup(\"new_thing is not in this libtorch\");\n  return 0;\n}\n",
		"tensor *atg_chunk(tensor self, int64_t chunks) {\n  torch_last_err = strdup(\"chunk is not in this libtorch\");\n  return 0;\n}\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "torch::new_thing") || strings.Contains(text, "torch::chunk") {
		t.Errorf("a faulty call is still in\n%s", text)
	}
}

func TestStubOfVoidReturnsNothing(t *testing.T) {
	text, names := stub(generated, map[int]bool{5: true})
	want := "void atg_abs(tensor *out__, tensor self) {\n  torch_last_err = strdup(\"abs is not in this libtorch\");\n}\n"
	if len(names) != 1 || !strings.Contains(text, want) {
		t.Errorf("%q is missing in\n%s", want, text)
	}
}

func TestStubFileFailsWhereTheFaultIsElsewhere(t *testing.T) {
	dir := t.TempDir()
	source, log := write(t, dir, "part.cpp", generated), write(t, dir, "log", "/usr/include/torch/x.h:3:1: error: no such header\n")
	if err := stubFile(source, log); err == nil {
		t.Error("an error outside the generated functions was taken for one of theirs")
	}
}

func TestSplitKeepsEveryFunctionOnce(t *testing.T) {
	dir := t.TempDir()
	source := write(t, dir, "generated.cpp", generated)
	if err := splitFile(source, 2); err != nil {
		t.Fatal(err)
	}
	var all string
	for _, name := range []string{"part_00.cpp", "part_01.cpp"} {
		text := read(t, filepath.Join(dir, name))
		if !strings.HasPrefix(text, "#include \"shim.h\"\n") {
			t.Errorf("%s does not include its header", name)
		}
		all += text
	}
	for _, name := range []string{"atg_abs(", "atg_new_thing(", "atg_chunk("} {
		if n := strings.Count(all, name); n != 1 {
			t.Errorf("%s is in the parts %d times", name, n)
		}
	}
	if err := splitFile(source, 4); err == nil {
		t.Error("three functions were cut into four parts")
	}
}

func TestWriteGeneratedMissesNoBody(t *testing.T) {
	dir := t.TempDir()
	odd := write(t, dir, "odd.cpp", generated+"void odd(tensor self)\n{\n  PROTECT(x)\n}\n")
	if err := writeGenerated(odd, filepath.Join(dir, "out.cpp")); err == nil {
		t.Error("a function of another form was lost silently")
	}
}

func TestMendFailsOnAnotherCount(t *testing.T) {
	m := mend{pattern: `malloc\(0\)`, with: "new", count: 2, why: "leak"}
	if got, err := m.apply("malloc(0) malloc(0)"); err != nil || got != "new new" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := m.apply("malloc(0)"); err == nil || !strings.Contains(err.Error(), "leak") {
		t.Errorf("a pattern found once, not twice: error %v", err)
	}
}

func TestSizeOutputs(t *testing.T) {
	place := "(*lib.Ctensor)(unsafe.Pointer(C.malloc(0)))"
	next := func(a, b string) string {
		return "  " + b + " := (*lib.Ctensor)(unsafe.Pointer(uintptr(unsafe.Pointer(" + a + ")) + unsafe.Sizeof(p0)))\n"
	}
	got, err := sizeOutputs("  p0 := " + place + "\n" + next("p0", "p1") + next("p1", "p2") + "\n  lib.AtgSvd(p0)\n")
	if want := "  p0 := &new([3]lib.Ctensor)[0]\n"; err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("%q, %v; want it to begin with %q", got, err, want)
	}
	if _, err := sizeOutputs("  p0 := " + place + "\n  lib.AtgSvd(p0)\n"); err == nil {
		t.Error("a lone output was taken for several")
	}
}

const goSource = `package ts

import "unsafe"

// Add adds.
func (ts *Tensor) Add(other *Tensor, alpha *Scalar, more []*Tensor, n int64) error {
	lib.AtgAdd(ts.ctensor)
	return nil
}

func (ts *Tensor) Name() string { return ts.name }

func freeCTensor(ts *Tensor) { lib.AtFree(ts.ctensor) }
`

func TestKeepAliveNamesEveryArgument(t *testing.T) {
	got, n, err := keepAlive(goSource)
	if err != nil || n != 1 {
		t.Fatalf("%d functions, error %v", n, err)
	}
	for _, name := range []string{"ts", "other", "alpha", "more"} {
		if c := strings.Count(got, "defer runtime.KeepAlive("+name+")"); c != 1 {
			t.Errorf("%s is kept alive %d times", name, c)
		}
	}
	if !strings.Contains(got, "import \"runtime\"") {
		t.Error("runtime is not imported")
	}
}

func TestCutFunctions(t *testing.T) {
	got, err := cutFunctions(goSource, []string{"Add"})
	if err != nil || strings.Contains(got, "Add") || !strings.Contains(got, "Name()") {
		t.Errorf("%v:\n%s", err, got)
	}
	if _, err := cutFunctions(goSource, []string{"Sub"}); err == nil {
		t.Error("a function that is not there was cut")
	}
	if got, err = withoutUnusedImports(goSource); err != nil || strings.Contains(got, "unsafe") {
		t.Errorf("%v:\n%s", err, got)
	}
}

func TestBindings(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "torch_api.h", "/* void at_ghost(int); */\n#define X(y) \\\n  at_macro(y)\nvoid at_free(tensor);\nchar *get_and_reset_last_err(); // at_none()\nvoid at_load(char *f, void (*g)(void *, tensor));\n")
	write(t, dir, "torch_api_generated.h", "void atg_abs(tensor *, tensor self);\n")
	write(t, dir, "a.go", "C.at_free(x)\nC.atg_abs(p, q)\n// C.at_ghost(1)\nC.free(z)\nC.get_and_reset_last_err()\nC.at_free(y)\n")
	if err := writeBindings(dir); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, filepath.Join(dir, "bind_names.h")), "X(at_free)\nX(atg_abs)\nX(get_and_reset_last_err)\n"; got != want {
		t.Errorf("bound %q, want %q", got, want)
	}
	write(t, dir, "b.go", "C.atg_unknown(x)\n")
	if err := writeBindings(dir); err == nil {
		t.Error("a function that no header declares was bound")
	}
}

func TestSplitGenerated(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "c-generated.go", "package libtch\n\nimport \"C\"\n\nimport \"unsafe\"\n\nfunc A() {\n\tC.a()\n}\nfunc B() {\n\tC.b(unsafe.Pointer(nil))\n}\n")
	if err := splitGenerated(dir, 2); err != nil {
		t.Fatal(err)
	}
	first, second := read(t, filepath.Join(dir, "c-generated-00.go")), read(t, filepath.Join(dir, "c-generated-01.go"))
	if !strings.Contains(first, "func A()") || strings.Contains(first, "unsafe") || !strings.Contains(first, "import \"C\"") {
		t.Errorf("first part:\n%s", first)
	}
	if !strings.Contains(second, "func B()") || !strings.Contains(second, "import \"unsafe\"") {
		t.Errorf("second part:\n%s", second)
	}
	if _, err := os.Stat(filepath.Join(dir, "c-generated.go")); err == nil {
		t.Error("the whole is still beside its parts")
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
