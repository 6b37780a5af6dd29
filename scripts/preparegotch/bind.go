package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	comment     = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	directive   = regexp.MustCompile(`(?m)^#(?:[^\n]*\\\n)*[^\n]*$`)
	declaration = regexp.MustCompile(`\b(at[a-z]?_\w+|get_and_reset_last_err)\s*\(`)
	calledFromC = regexp.MustCompile(`\bC\.((?:at[a-z]?_|get_)\w+)\(`)
)

// writeBindings writes the list of C functions to bind when the library is opened: those that the Go side calls.
func writeBindings(libtch string) error {
	var headers string
	for _, name := range []string{"torch_api.h", "torch_api_generated.h"} {
		content, err := os.ReadFile(filepath.Join(libtch, name))
		if err != nil {
			return err
		}
		headers += string(content)
	}
	called, err := calledFunctions(libtch)
	if err != nil {
		return err
	}
	declared := declaredFunctions(headers)
	var list strings.Builder
	for _, name := range called {
		if !declared[name] {
			return fmt.Errorf("%s: Go calls %s, which no header declares", libtch, name)
		}
		fmt.Fprintf(&list, "X(%s)\n", name)
	}
	return os.WriteFile(filepath.Join(libtch, "bind_names.h"), []byte(list.String()), 0o644)
}

func declaredFunctions(headers string) map[string]bool {
	text := directive.ReplaceAllString(comment.ReplaceAllString(headers, ""), "")
	names := map[string]bool{}
	for _, m := range declaration.FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	return names
}

// calledFunctions lists the C functions of gotch's shim that the package's Go files call, in order and once each.
func calledFunctions(libtch string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(libtch, "*.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range calledFromC.FindAllStringSubmatch(comment.ReplaceAllString(string(content), ""), -1) {
			names = append(names, m[1])
		}
	}
	if len(names) == 0 {
		return nil, errors.New(libtch + ": no calls into C")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// splitGenerated cuts the file of 2,500 generated calls into several: the time that cgo takes for a file grows with the
// square of the names in it.
func splitGenerated(libtch string, parts int) error {
	whole := filepath.Join(libtch, "c-generated.go")
	content, err := os.ReadFile(whole)
	if err != nil {
		return err
	}
	head, body, found := strings.Cut(string(content), "\nfunc ")
	if !found {
		return fmt.Errorf("%s: no functions", whole)
	}
	functions := strings.Split(body, "\nfunc ")
	for i := range parts {
		from, to := len(functions)*i/parts, len(functions)*(i+1)/parts
		text := head + "\nfunc " + strings.Join(functions[from:to], "\nfunc ")
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if text, err = withoutUnusedImports(text); err != nil {
			return fmt.Errorf("%s, part %d: %w", whole, i, err)
		}
		if err := os.WriteFile(filepath.Join(libtch, fmt.Sprintf("c-generated-%02d.go", i)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.Remove(whole)
}
