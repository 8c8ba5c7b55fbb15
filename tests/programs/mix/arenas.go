//go:build goexperiment.arenas

package main

import (
	"arena"
	"time"
)

// arenas makes user arenas of no, one and several chunks and frees them.
func arenas() {
	for i := 0; ; i++ {
		a := arena.NewArena()
		for j := 0; j < i%200; j++ {
			object := arena.New[[128]*int](a)
			object[0] = new(int)
		}
		for j := 0; j < i%20; j++ {
			big := arena.MakeSlice[byte](a, 1<<20, 1<<20)
			big[j] = 1
		}
		a.Free()
		time.Sleep(time.Millisecond)
	}
}
