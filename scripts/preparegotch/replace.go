package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// write takes the named functions out of the file and adds those of the replacement. With no names, it is the whole file.
func (r replacement) write(module string) error {
	with, err := replacementFiles.ReadFile("replacement/" + r.with)
	if err != nil {
		return err
	}
	file := filepath.Join(module, r.file)
	if len(r.functions) == 0 {
		return os.WriteFile(file, with, 0o644)
	}
	return edit(file, func(text string) (string, error) {
		rest, err := cutFunctions(text, r.functions)
		return rest + "\n" + string(with), err
	})
}

// cutFunctions removes the named functions and methods with their comments; each must be there once.
func cutFunctions(text string, names []string) (string, error) {
	file, set, err := parse(text)
	if err != nil {
		return "", err
	}
	var cuts []insertion
	for _, name := range names {
		found := 0
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == name {
				found++
				cuts = append(cuts, cutOf(set, f, f.Doc))
			}
		}
		if found != 1 {
			return "", fmt.Errorf("the function %s is there %d times, not once", name, found)
		}
	}
	return splice(text, cuts), nil
}

// An insertion puts text in place of the bytes [start, end).
type insertion struct {
	start, end int
	text       string
}

func cutOf(set *token.FileSet, node ast.Node, doc *ast.CommentGroup) insertion {
	start := node.Pos()
	if doc != nil {
		start = doc.Pos()
	}
	return insertion{start: set.Position(start).Offset, end: set.Position(node.End()).Offset}
}

// splice makes the changes, which must not overlap.
func splice(text string, changes []insertion) string {
	sort.Slice(changes, func(i, j int) bool { return changes[i].start < changes[j].start })
	var b strings.Builder
	at := 0
	for _, c := range changes {
		b.WriteString(text[at:c.start])
		b.WriteString(c.text)
		at = c.end
	}
	b.WriteString(text[at:])
	return b.String()
}

func parse(text string) (*ast.File, *token.FileSet, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.ParseComments)
	return file, set, err
}

// keepAllAlive mends every file of gotch's tensor package, so that a tensor outlives the C call that it is an argument of.
func keepAllAlive(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	total := 0
	for _, file := range files {
		err := edit(file, func(text string) (string, error) {
			mended, n, err := keepAlive(text)
			total += n
			return mended, err
		})
		if err != nil {
			return err
		}
	}
	if total < 2000 {
		return fmt.Errorf("%s: only %d functions call into C; thousands were expected", folder, total)
	}
	return nil
}

// keepAlive adds "defer runtime.KeepAlive(x)" for every tensor and scalar that a function receives and hands to C.
// Only the C pointer inside is used during the call, so the collector may find the Go value unused, run its finalizer on
// another thread, and free the tensor while C++ computes with it.
func keepAlive(text string) (string, int, error) {
	file, set, err := parse(text)
	if err != nil {
		return "", 0, err
	}
	var changes []insertion
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Name.Name == "freeCTensor" || f.Name.Name == "freeCScalar" || !callsC(f.Body) {
			continue
		}
		var lines string
		for _, name := range received(f) {
			lines += "\n  defer runtime.KeepAlive(" + name + ")"
		}
		if lines != "" {
			at := set.Position(f.Body.Lbrace).Offset + 1
			changes = append(changes, insertion{start: at, end: at, text: lines})
		}
	}
	if len(changes) == 0 {
		return text, 0, nil
	}
	n := len(changes)
	if !imports(file, "runtime") {
		at := set.Position(file.Name.End()).Offset
		changes = append(changes, insertion{start: at, end: at, text: "\n\nimport \"runtime\"\n"})
	}
	return splice(text, changes), n, nil
}

func callsC(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "lib" && strings.HasPrefix(s.Sel.Name, "At") {
				found = true
			}
		}
		return !found
	})
	return found
}

// received names the receiver and parameters that wrap C pointers.
func received(f *ast.FuncDecl) []string {
	fields := f.Type.Params.List
	if f.Recv != nil {
		fields = slices.Concat(f.Recv.List, fields)
	}
	var names []string
	for _, field := range fields {
		if !wrapsC(field.Type) {
			continue
		}
		for _, name := range field.Names {
			if name.Name != "_" {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

func wrapsC(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.ArrayType:
		return wrapsC(t.Elt)
	case *ast.StarExpr:
		name, ok := t.X.(*ast.Ident)
		return ok && slices.Contains([]string{"Tensor", "Scalar", "CModule", "CIValue", "COptimizer"}, name.Name)
	}
	return false
}

func imports(file *ast.File, name string) bool {
	return slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == strconv.Quote(name) })
}

// dropUnusedImports removes from the mended files the imports that only what was taken out had used.
func dropUnusedImports(module string) error {
	for _, name := range []string{"init.go", "libtch/device.go", "libtch/tensor.go", "ts/error.go", "ts/patch.go", "ts/scalar.go", "ts/tensor.go"} {
		if err := edit(filepath.Join(module, name), withoutUnusedImports); err != nil {
			return err
		}
	}
	return nil
}

func withoutUnusedImports(text string) (string, error) {
	file, set, err := parse(text)
	if err != nil {
		return "", err
	}
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	var cuts []insertion
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return "", errors.Join(errors.New("an import without a path"), err)
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name != "C" && !used[name] {
			cuts = append(cuts, cutOf(set, spec, nil))
		}
	}
	return splice(text, cuts), nil
}
