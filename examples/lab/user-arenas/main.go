//go:build goexperiment.arenas

// Command user-arenas takes an arena for each of its tenants (package arena, an experiment since Go 1.20) and keeps
// 14 of them open. The runtime gives each arena chunks of several MiB, which are free again only when the arena is
// freed.
package main

import (
	"arena"
	"runtime"

	"gospan.example/lab/state"
)

type tenant struct {
	memory *arena.Arena
	rows   [][]byte
}

var tenants []tenant

func main() {
	state.Start()
	for i := 0; i < 14; i++ {
		one := tenant{memory: arena.NewArena()}
		for j := 0; j < 1000; j++ {
			row := arena.MakeSlice[byte](one.memory, 8000, 8000)
			state.Touch(row)
			one.rows = append(one.rows, row)
		}
		tenants = append(tenants, one)
	}
	runtime.GC()
	runtime.GC()
	state.Wait()
}
