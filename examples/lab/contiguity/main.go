// Command contiguity keeps blocks of 8 KiB, one page of the Go heap each. Between two blocks there were two pages
// of small records, which died in two steps, so that the runtime keeps their pages (see idle-retained). GOGC is 25,
// and off during the load. Two thirds of the heap are free, but in runs of two pages: an object of 24 KiB fits in
// none of them.
package main

import (
	"runtime"
	"runtime/debug"

	"gospan.example/lab/state"
)

const (
	blocks   = 6700
	perBlock = 256 // records in two pages
)

type record [64]byte

var (
	kept   [blocks]*[8 << 10]byte
	index  [blocks * 2]*record
	latest *record
)

func main() {
	state.Start()
	debug.SetGCPercent(-1)
	load()
	debug.SetGCPercent(25)
	runtime.GC() // two records of each 256 are left
	index = [blocks * 2]*record{}
	runtime.GC() // none is left
	state.Wait()
}

// load keeps the blocks, and one record of each page.
func load() {
	for i := range kept {
		kept[i] = new([8 << 10]byte)
		state.Touch(kept[i][:])
		for j := 0; j < perBlock; j++ {
			latest = new(record)
			latest[0] = 1
			if j%(perBlock/2) == 0 {
				index[i*2+j/(perBlock/2)] = latest
			}
		}
	}
}
