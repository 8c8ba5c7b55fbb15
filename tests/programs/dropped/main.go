// Command dropped gives many objects finalizers and lets go of them: what the runtime
// kept for each (a special) is on the free list of its fixalloc in the end.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"gospan.example/frag/last"
)

var kept []*[4]int64

func main() {
	finalizers := flag.Int("finalizers", 2_000_000, "objects with one")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || *finalizers < 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: dropped [-finalizers N] [-end abort|sleep|exit]")
		os.Exit(2)
	}
	kept = make([]*[4]int64, *finalizers)
	for i := range kept {
		kept[i] = new([4]int64)
		runtime.SetFinalizer(kept[i], func(*[4]int64) {})
	}
	kept = nil
	for i := 0; i < 4; i++ {
		runtime.GC()
		time.Sleep(100 * time.Millisecond) // for the finalizers to run
	}
	last.Words(ending, false)
}
