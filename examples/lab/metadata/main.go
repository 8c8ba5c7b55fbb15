// Command metadata records every allocation (MemProfileRate = 1), and its expression evaluator recurses through its
// functions. The runtime keeps a record for each call stack that ever allocated, for the life of the process. There
// are 130,000 of them, so the profiler's records are larger than the heap that they describe.
package main

import (
	"runtime"

	"gospan.example/lab/state"
)

var result *[32]byte

func init() {
	runtime.MemProfileRate = 1 // someone looked for a leak
}

func main() {
	state.Start()
	for expression := 0; expression < 1<<17; expression++ {
		and(expression, 17)
	}
	runtime.GC()
	state.Wait()
}

// and and or take the path of calls that the bits of the expression say.
//
//go:noinline
func and(expression, depth int) {
	if depth == 0 {
		result = new([32]byte)
	} else if expression&1 == 0 {
		and(expression>>1, depth-1)
	} else {
		or(expression>>1, depth-1)
	}
}

//go:noinline
func or(expression, depth int) {
	if depth == 0 {
		result = new([32]byte)
	} else if expression&1 == 0 {
		and(expression>>1, depth-1)
	} else {
		or(expression>>1, depth-1)
	}
}
