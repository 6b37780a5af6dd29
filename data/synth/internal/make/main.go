// Command make writes the shipped sets into the folder named by its argument. `go generate ./data` runs it.
package main

import (
	"context"
	"fmt"
	"os"

	"pii/data/synth"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: make DIR")
		os.Exit(2)
	}
	if err := synth.WriteSets(context.Background(), os.Args[1], synth.DefaultSeed, synth.DefaultConfig(), true); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
