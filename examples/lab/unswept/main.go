// Command unswept has one processor, and a loop which keeps it just when a GC cycle has ended. The sweeper, which
// runs in the background when there is time, gets none. All that the cycle found to be garbage is still in its
// spans.
package main

import (
	"runtime"
	"runtime/debug"

	"gospan.example/lab/state"
)

type row struct {
	next  *row
	cells [62]uint64
}

var (
	table *row
	stats runtime.MemStats
)

func main() {
	state.Start()
	runtime.GOMAXPROCS(1)
	runtime.GC()
	debug.SetGCPercent(-1) // the table is loaded without the collector
	for i := 0; i < 300000; i++ {
		table = &row{next: table}
	}
	table = nil
	runtime.ReadMemStats(&stats)
	cycles := stats.NumGC
	debug.SetGCPercent(100)
	for stats.NumGC == cycles {
		table = new(row) // starts the cycle, which is due
		runtime.Gosched()
		runtime.ReadMemStats(&stats)
	}
	state.HoldFor(1200) // the loop
}
