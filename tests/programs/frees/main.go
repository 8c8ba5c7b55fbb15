// Command frees allocates, lets go of a part, prints runtime.MemStats, and waits for a line on standard input. Then it
// collects, or also returns all free pages, and prints MemStats again.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

const mib = 1 << 20

var (
	kept   [][]byte
	stats  runtime.MemStats
	line   [1]byte
	cycles debug.GCStats
	never  = make(chan int)
)

var modes = map[string]func(){
	"new":     fresh,
	"stale":   func() { fresh(); stale() },
	"unswept": func() { unswept(false) },
	"revived": func() { unswept(true) },
}

func main() {
	runtime.MemProfileRate = 0 // no specials but finalizers
	mode := flag.String("mode", "new", "what to let go of: objects allocated since the last collection (new), survivors of it, too (stale), or what one has found dead, and is not swept (unswept, revived: with finalizers, of which the first never ends)")
	do := flag.String("do", "gc", "what to do then: gc, free (debug.FreeOSMemory)")
	flag.Parse()
	have := modes[*mode]
	if have == nil || (*do != "gc" && *do != "free") {
		fmt.Fprintln(os.Stderr, "frees: no such mode:", *mode, *do)
		os.Exit(2)
	}
	kept = make([][]byte, 0, 80000)
	told() // all that printing needs is there before
	have()
	told()
	// Neither this goroutine nor its P lets go: with one P nothing else runs.
	for {
		n, _, _ := syscall.RawSyscall(syscall.SYS_READ, 0, uintptr(pointer(line[:])), 1)
		if int(n) == 1 {
			break
		}
	}
	if *do == "free" {
		debug.FreeOSMemory()
	} else {
		runtime.GC()
	}
	told()
	for {
		runtime.KeepAlive(kept)
		syscall.Pause()
	}
}

// told prints the figures of now.
func told() {
	runtime.ReadMemStats(&stats)
	words = words[:0]
	for _, each := range [...]struct {
		name  string
		value uint64
	}{
		{"{\"HeapAlloc\": ", stats.HeapAlloc}, {", \"TotalAlloc\": ", stats.TotalAlloc},
		{", \"HeapInuse\": ", stats.HeapInuse}, {", \"HeapReleased\": ", stats.HeapReleased},
		{", \"NextGC\": ", stats.NextGC}, {", \"NumGC\": ", uint64(stats.NumGC)},
	} {
		words = number(append(words, each.name...), each.value)
	}
	words = append(words, "}\n"...)
	// Not syscall.Write, in which another goroutine may take the P.
	syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(pointer(words)), uintptr(len(words)))
}

// fill keeps so many objects of many sizes up to a page.
func fill(objects int) {
	for i := 0; i < objects; i++ {
		kept = append(kept, make([]byte, 16+i%2000))
	}
}

// drop lets go of every second run of 100 of these objects, and of every second object of the others.
func drop(from int) {
	for i := from; i < len(kept); i++ {
		if i/100%2 == 0 || i%2 == 0 {
			kept[i] = nil
		}
	}
}

// fresh keeps 8 MiB through two collections, and then lets go of a part of 16 MiB that it has allocated since.
func fresh() {
	debug.SetGCPercent(-1)
	fill(8000)
	for i := 0; i < 4; i++ {
		kept = append(kept, make([]byte, mib/4))
	}
	runtime.GC()
	runtime.GC()
	from := len(kept)
	fill(16000)
	for i := 0; i < 8; i++ {
		kept = append(kept, make([]byte, mib/4))
	}
	drop(from)
}

// stale lets go of all that has survived, which no collection has seen.
func stale() {
	for i := range kept {
		kept[i] = nil
	}
}

// unswept lets go of a part, lets one collection find that, and returns before it is swept.
func unswept(finalizers bool) {
	runtime.GOMAXPROCS(1)
	fill(16000)
	runtime.GC()
	if finalizers {
		for i := range kept {
			runtime.SetFinalizer(&kept[i][0], func(*byte) { <-never })
		}
		runtime.GC()
	}
	drop(0)
	debug.ReadGCStats(&cycles)
	for before := cycles.NumGC; cycles.NumGC == before; debug.ReadGCStats(&cycles) {
		kept = append(kept, make([]byte, 16<<10)) // what is allocated while the collection marks survives it
	}
	debug.SetGCPercent(-1)
}
