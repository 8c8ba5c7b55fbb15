//go:build !goexperiment.arenas

package main

import (
	"fmt"
	"os"
)

func arenas() {
	fmt.Fprintln(os.Stderr, "verdicts: built without GOEXPERIMENT=arenas")
	os.Exit(2)
}
