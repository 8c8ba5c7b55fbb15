//go:build goexperiment.arenas

// Package arenas keeps user arenas coming and going, where there are any.
package arenas

import (
	"arena"
	"time"
)

// Churn makes user arenas of no, one and several chunks and frees them.
func Churn() {
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
