//go:build goexperiment.arenas

package main

import "arena"

// makeArenas makes n user arenas and leaves every second one freed.
func makeArenas(n int) error {
	for i := 0; i < n; i++ {
		a := arena.NewArena()
		for j := 0; j < 100; j++ {
			object := arena.New[[128]uint64](a)
			object[0] = uint64(j)
		}
		big := arena.MakeSlice[byte](a, 1<<20, 1<<20)
		big[0] = 1
		if i%2 == 1 {
			a.Free()
			continue
		}
		held = append(held, a, big)
	}
	return nil
}

// freeArenas makes n user arenas of more than one chunk each and frees them: full chunks
// are set to fault and wait in quarantine until a sweep has seen that nothing points there.
func freeArenas(n int) error {
	for i := 0; i < n; i++ {
		a := arena.NewArena()
		for j := 0; j < 12; j++ {
			big := arena.MakeSlice[byte](a, 1<<20, 1<<20)
			big[j] = 1
		}
		a.Free()
	}
	return nil
}
