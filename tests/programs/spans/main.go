// Command spans makes a heap of many spans that costs little memory, for benchmarks.
//
// Each span holds one pointer-free slice of 8 KiB that is never written: what is
// paid for are the runtime's own structures, and the core is a file of holes.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"gospan.example/frag/last"
)

const size = 8 << 10

var slices []*[size]byte

func main() {
	spans := flag.Int("spans", 24000, "spans to make, about")
	drop := flag.Int("drop", 0, "free every so many of them again; their descriptors go to the free list of spanalloc")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || *spans < 0 || *drop < 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: spans [-spans N] [-drop K] [-end abort|sleep|exit]")
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	slices = make([]*[size]byte, *spans)
	for i := range slices {
		slices[i] = new([size]byte)
	}
	for i := *drop - 1; *drop > 0 && i < len(slices); i += *drop {
		slices[i] = nil
	}
	runtime.GC() // what is alive now sets the goal: no other collection will begin
	runtime.GC() // the first one leaves spans to be swept
	last.Words(ending, false)
}
