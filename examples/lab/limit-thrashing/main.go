// Command limit-thrashing has a memory limit (GOMEMLIMIT) of a few MiB more than its live objects need, and goes on
// serving requests. The collector starts again as soon as it has ended, finds the same 60 MiB alive each time, and
// takes a large part of the processor time.
package main

import (
	"runtime/debug"
	"time"

	"gospan.example/lab/state"
)

type entry struct {
	next *entry
	data [15]uint64
}

var (
	cache  *entry
	answer []byte
)

func main() {
	state.Start()
	for i := 0; i < 60<<20/128; i++ {
		cache = &entry{next: cache}
	}
	debug.SetMemoryLimit(69 << 20)
	go serve()
	time.Sleep(2 * time.Second)
	state.Ready()
	select {}
}

// serve makes garbage.
func serve() {
	for i := 0; ; i++ {
		answer = make([]byte, 200+i%4000)
		if i%1000 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
