// Command corners makes heaps with what a usual heap does not have, one sort for
// each flag, prints runtime.MemStats and ends like the sample program frag.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"gospan.example/frag/last"
)

// held keeps alive whatever should be alive in the end.
var held []interface{}

func main() {
	arenas := flag.Int("arenas", 0, "user arenas with 100 objects and one of 1 MB each (built with GOEXPERIMENT=arenas)")
	quarantined := flag.Int("quarantined", 0, "user arenas of 12 MB each, freed after the last collection")
	ready := flag.Int("ready", 0, "user arenas of 12 MB each, freed before the last collection")
	finalizers := flag.Int("finalizers", 0, "objects with a finalizer")
	goroutines := flag.Int("goroutines", 0, "goroutines that wait")
	huge := flag.Int("huge", 0, "objects of 100 MB, not touched")
	release := flag.Bool("release", false, "return all free memory to the operating system")
	stacks := flag.Int("stacks", 0, "goroutines with a stack of more than 32 KiB that wait")
	tiny := flag.Int("tiny", 0, "objects of 1 to 15 bytes without pointers, every eighth one stays alive")
	unswept := flag.Bool("unswept", false, "end between a collection and its sweep; the figures then are those of that moment")
	cached := flag.Bool("cached", false, "end with spans cached")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err == nil && *arenas > 0 {
		err = makeArenas(*arenas)
	}
	if err == nil && *ready > 0 {
		err = freeArenas(*ready)
	}
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "corners:", err, flag.Args())
		os.Exit(2)
	}

	makeFinalizers(*finalizers)
	makeGoroutines(*goroutines, 0)
	makeGoroutines(*stacks, 400)
	makeTiny(*tiny)
	for i := 0; i < *huge; i++ {
		held = append(held, make([]byte, 100<<20))
	}
	if *unswept {
		dieUnswept(ending)
	}
	runtime.GC()
	runtime.GC()
	if *release {
		makeGarbage(32 << 20)
		debug.FreeOSMemory()
	}
	if *quarantined > 0 {
		err = freeArenas(*quarantined)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "corners:", err)
		os.Exit(2)
	}
	last.Words(ending, *cached)
}

func makeFinalizers(n int) {
	for i := 0; i < n; i++ {
		object := &[64]byte{}
		runtime.SetFinalizer(object, func(*[64]byte) {})
		held = append(held, object)
	}
}

// makeGoroutines starts n goroutines that wait below so many frames of 256 bytes.
func makeGoroutines(n, depth int) {
	var ready sync.WaitGroup
	ready.Add(n)
	for i := 0; i < n; i++ {
		go wait(depth, &ready)
	}
	ready.Wait()
}

func wait(depth int, ready *sync.WaitGroup) byte {
	var frame [256]byte
	frame[depth&255] = byte(depth)
	if depth == 0 {
		ready.Done()
		select {}
	}
	return wait(depth-1, ready) + frame[depth&255]
}

func makeTiny(n int) {
	for i := 0; i < n; i++ {
		object := make([]byte, 1+i%15)
		if i%8 == 0 {
			held = append(held, &object[0])
		}
	}
}

// makeGarbage allocates about that many bytes in many size classes and forgets them.
func makeGarbage(bytes int) {
	var kept [64][]byte
	for size := 16; bytes > 0; bytes -= size {
		size = 16 + (size*7+13)%4080
		kept[size%64] = make([]byte, size)
	}
}

// dieUnswept ends when a collection is over and most spans are still to be swept.
//
// With one P nothing else runs while this goroutine neither blocks nor is preempted, so
// the sweeper gets no further than it got before this goroutine noticed the end of the cycle.
func dieUnswept(end last.End) {
	runtime.GOMAXPROCS(1)
	keep := make([][]byte, 0, 30000)
	for i := 0; i < cap(keep); i++ {
		keep = append(keep, make([]byte, 16+i%2000))
	}
	held = append(held, keep)
	runtime.GC()
	// Half of the objects become garbage, the rest stays: spans that need sweeping.
	for i := range keep {
		if i%2 == 0 {
			keep[i] = nil
		}
	}
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	for before := stats.NumGC; stats.NumGC == before; debug.ReadGCStats(&stats) {
		makeGarbage(16 << 10) // until the collector starts by itself, and then until its cycle is over
	}
	last.WordsAtOnce(end)
}
