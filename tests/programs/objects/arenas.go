//go:build goexperiment.arenas

package main

import "arena"

var (
	keptArena *arena.Arena
	inArena   []*ring
)

// makeArena has objects in the chunks of a user arena, each with another in the heap that only it points to.
func makeArena() {
	a := arena.NewArena()
	keptArena = a
	for i := 0; i < *others; i++ {
		r := arena.New[ring](a)
		r.any = &link{nil, i}
		big := arena.MakeSlice[*link](a, 3000, 3000)
		big[i] = &link{nil, i}
		inArena = append(inArena, r)
		nothing = append(nothing, big)
	}
}
