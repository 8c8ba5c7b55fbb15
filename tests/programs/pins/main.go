//go:build go1.21

// Command pins pins one object once, one twice, and one once and no more, and ends like the sample program frag.
package main

import (
	"runtime"

	"gospan.example/frag/last"
)

// held keeps the objects alive: the sizes are in classes that nothing else here uses.
var (
	once, twice, freed *[18000]byte
	beside             [3]*[18000]byte
)

func main() {
	var pins, more, late runtime.Pinner
	once, twice, freed = new([18000]byte), new([18000]byte), new([18000]byte)
	for i := range beside {
		beside[i] = new([18000]byte)
	}
	pins.Pin(once)
	pins.Pin(twice)
	more.Pin(twice)
	late.Pin(freed)
	late.Unpin()
	last.Words(last.Abort, false)
	runtime.KeepAlive(&pins)
	runtime.KeepAlive(&more)
}
