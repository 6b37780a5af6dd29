package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The generated functions need only tensors. Their parts include less of libtorch than gotch's own header does, which
// halves the time to compile them.
//
//go:embed replacement/shim.h.txt
var shimHeader string

// writeShim writes the C++ side of gotch to the folder shim: torch_api.cpp, written by hand, and the generated functions
// in one file, which is cut once it is known to compile.
func writeShim(libtch, shim string) error {
	if err := os.MkdirAll(shim, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"torch_api.cpp", "torch_api.h", "torch_api_generated.h", "stb_image.h", "stb_image_write.h", "stb_image_resize.h"} {
		content, err := os.ReadFile(filepath.Join(libtch, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(shim, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(shim, "shim.h"), []byte(shimHeader), 0o644); err != nil {
		return err
	}
	for _, m := range shimMends {
		if err := edit(filepath.Join(shim, m.file), m.apply); err != nil {
			return err
		}
	}
	return writeGenerated(filepath.Join(libtch, "torch_api_generated.cpp.h"), filepath.Join(shim, "generated.cpp"))
}

var shimMends = []mend{
	{"torch_api.cpp", "the generated functions are compiled in parts", `#include "torch_api_generated\.cpp\.h"\n`, "", 1},
	{"torch_api.h", "one last error for all parts", `thread_local char \*torch_last_err = nullptr;`, "inline thread_local char *torch_last_err = nullptr;", 1},
	{"torch_api.h", "an error's text without C++'s stack, and nothing that C++ throws passes through Go",
		`\} catch \(const exception &e\) \{ +\\\n    torch_last_err = strdup\(e\.what\(\)\); +\\\n  \}`,
		"} catch (const c10::Error &e) {\\\n    torch_last_err = strdup(e.what_without_backtrace());\\\n  } catch (const exception &e) {\\\n" +
			"    torch_last_err = strdup(e.what());\\\n  } catch (...) {\\\n    torch_last_err = strdup(\"an unknown C++ exception\");\\\n  }", 1},
}

// function matches one generated function: its signature on one line, its body, and a brace in the first column.
var function = regexp.MustCompile(`(?ms)^[a-z][a-z0-9_]* ?\*?(atg_\w+)\([^\n]*\) \{\n.*?^\}\n`)

func writeGenerated(generated, to string) error {
	content, err := os.ReadFile(generated)
	if err != nil {
		return err
	}
	functions := function.FindAllString(string(content), -1)
	if n := strings.Count(string(content), "PROTECT("); n != len(functions) {
		return fmt.Errorf("%s: found %d functions but %d bodies", generated, len(functions), n)
	}
	return writeFunctions(to, functions)
}

func writeFunctions(file string, functions []string) error {
	return os.WriteFile(file, []byte("#include \"shim.h\"\n\n"+strings.Join(functions, "\n")), 0o644)
}

// splitFile cuts the source into parts beside it, which compile side by side: part_00.cpp and so on.
func splitFile(source string, parts int) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	functions := function.FindAllString(string(content), -1)
	if parts < 1 || parts > len(functions) {
		return fmt.Errorf("%d functions cannot be cut into %d parts", len(functions), parts)
	}
	for i := range parts {
		from, to := len(functions)*i/parts, len(functions)*(i+1)/parts
		name := filepath.Join(filepath.Dir(source), fmt.Sprintf("part_%02d.cpp", i))
		if err := writeFunctions(name, functions[from:to]); err != nil {
			return err
		}
	}
	return nil
}

// stubFile replaces in the source the functions in whose lines the compiler found fault, and prints their names.
func stubFile(source, log string) error {
	said, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	return edit(source, func(text string) (string, error) {
		stubbed, names := stub(text, faultyLines(filepath.Base(source), string(said)))
		if len(names) == 0 {
			return "", fmt.Errorf("the compiler's errors are in none of the generated functions")
		}
		fmt.Println(strings.Join(names, "\n"))
		return stubbed, nil
	})
}

// faultyLines collects the source's line numbers from messages like "dir/file.cpp:626:29: error: …" and, for faults that show
// inside a template, "dir/file.cpp:1465:45:   required from here".
func faultyLines(source, said string) map[int]bool {
	mention := regexp.MustCompile(`(?m)(?:^|[\s/])` + regexp.QuoteMeta(source) + `:(\d+)[:,]`)
	lines := map[int]bool{}
	for _, m := range mention.FindAllStringSubmatch(said, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			lines[n] = true
		}
	}
	return lines
}

// stub gives each function that spans one of the lines a body that reports that this libtorch lacks it.
func stub(text string, lines map[int]bool) (string, []string) {
	var names []string
	var changes []insertion
	line, at := 1, 0
	for _, place := range function.FindAllStringSubmatchIndex(text, -1) {
		line += strings.Count(text[at:place[0]], "\n")
		body := text[place[0]:place[1]]
		last := line + strings.Count(body, "\n")
		for n := line; n < last; n++ {
			if lines[n] {
				name := text[place[2]:place[3]]
				names = append(names, name)
				changes = append(changes, insertion{place[0], place[1], stubbed(body, name)})
				break
			}
		}
		line, at = last, place[1]
	}
	return splice(text, changes), names
}

func stubbed(body, name string) string {
	signature, _, _ := strings.Cut(body, "\n")
	result := "\n  return 0;"
	if strings.HasPrefix(signature, "void ") {
		result = ""
	}
	return fmt.Sprintf("%s\n  torch_last_err = strdup(\"%s is not in this libtorch\");%s\n}\n", signature, strings.TrimPrefix(name, "atg_"), result)
}
