// Command large-tails caches blocks of 32 KiB, each with one byte in front of it. An object of more than 32 KiB has
// a span of its own, of whole pages of 8 KiB: this one takes 40 KiB. The last 8 KiB, a fifth of the memory, are
// never used.
package main

import (
	"runtime"

	"gospan.example/lab/state"
)

const blocks = 4000

var cache [][]byte

func main() {
	state.Start()
	warm()
	runtime.GC()
	for i := 0; i < blocks; i++ {
		block := make([]byte, 1+32<<10) // a byte for the version, and the block
		state.Touch(block)
		cache = append(cache, block)
	}
	runtime.GC()
	runtime.GC()
	state.Wait()
}

// warm is earlier work on the same memory, so that all of it is resident.
func warm() {
	all := make([][]byte, blocks*40/1024)
	for i := range all {
		all[i] = make([]byte, 1<<20)
		state.Touch(all[i])
	}
	runtime.KeepAlive(all)
}
