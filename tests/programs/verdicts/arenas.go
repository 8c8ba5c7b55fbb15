//go:build goexperiment.arenas

package main

import (
	"arena"
	"runtime"
	"time"
)

// arenas makes user arenas of one and several chunks, frees them, and has their memory collected.
func arenas() {
	begin("ready")
	for {
		a := arena.NewArena()
		for i := 0; i < 12; i++ {
			held = append(held[:0], arena.MakeSlice[*int](a, 1<<17, 1<<17))
		}
		held[0] = nil
		a.Free()
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}
