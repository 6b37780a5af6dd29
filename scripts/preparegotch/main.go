// Command preparegotch copies the gotch module out of the module cache and mends the copy: see mends.go for what and why.
// It is called by scripts/setup.sh and uses the standard library only, so that it runs before anything is built.
//
//	preparegotch copy -from DIR -to DIR -library-dir DIR
//	preparegotch stub -source FILE -log FILE
//	preparegotch split -source FILE -parts N
//
// copy writes the mended Go packages to DIR and the C++ side to DIR/shim.
// stub replaces in a source the functions that the compiler's messages complain of, and prints their names.
// split cuts a source into parts that compile side by side.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "preparegotch:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: copy, stub or split")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	from := flags.String("from", "", "copy: the module's folder in the module cache")
	to := flags.String("to", "", "copy: folder to write the mended module to")
	library := flags.String("library-dir", "", "copy: folder of the shared library, as the program will see it")
	source := flags.String("source", "", "stub, split: file of generated C++ functions")
	log := flags.String("log", "", "stub: what the compiler said")
	parts := flags.Int("parts", 2, "split: number of parts")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "copy":
		return copyModule(*from, *to, *library)
	case "stub":
		return stubFile(*source, *log)
	case "split":
		return splitFile(*source, *parts)
	}
	return fmt.Errorf("%q is none of copy, stub and split", args[0])
}
