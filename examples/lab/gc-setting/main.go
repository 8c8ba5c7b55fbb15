// Command gc-setting runs with GOGC=500, which someone set to save processor time. 30 MiB are live, and the heap may
// grow to 180 MiB before a cycle ends, so that most of the memory is garbage that no cycle has examined yet.
package main

import (
	"runtime"
	"runtime/debug"

	"gospan.example/lab/state"
)

type order struct {
	previous *order
	lines    [30]uint64
}

var (
	open *order
	last *order
)

func main() {
	state.Start()
	debug.SetGCPercent(500)
	for i := 0; i < 120000; i++ {
		open = &order{previous: open}
	}
	runtime.GC()
	runtime.GC()
	for i := 0; i < 450000; i++ {
		last = new(order)
		last.lines[0] = 1
	}
	state.Wait()
}
