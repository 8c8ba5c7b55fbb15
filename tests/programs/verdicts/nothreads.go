//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func parkThreads() {
	fmt.Fprintln(os.Stderr, "verdicts: built without cgo, so there are no threads of C")
	os.Exit(2)
}

func parkMain() {}
