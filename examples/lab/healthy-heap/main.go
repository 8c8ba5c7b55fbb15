// Command healthy-heap has loaded 200 MiB of data, all of which it needs, and stands idle. Two GC cycles have run
// since, and both found the same. The memory is large because the data is.
package main

import (
	"runtime/debug"

	"gospan.example/lab/state"
)

type place struct {
	next *place
	name [104]byte
}

var places *place

func main() {
	state.Start()
	for i := 0; i < 200<<20/112; i++ {
		places = &place{next: places}
		places.name[0] = 1
	}
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	state.Wait()
}
