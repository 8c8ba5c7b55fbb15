// Command deep-stacks walks a few documents by recursion, one level of nesting for each call, and each document is
// nested a hundred thousand levels deep. A goroutine's stack doubles until all calls fit: 64 MiB here. The
// goroutines wait at the deepest point, so the collector cannot shrink the stacks.
package main

import (
	"runtime/debug"
	"sync"

	"gospan.example/lab/state"
)

const (
	documents = 3
	levels    = 110000 // of some 550 bytes: more than 32 MiB, less than 64 MiB
)

var (
	deepest sync.WaitGroup
	answer  = make(chan byte)
)

func main() {
	state.Start()
	deepest.Add(documents)
	for i := 0; i < documents; i++ {
		go walk(levels)
	}
	deepest.Wait()
	debug.FreeOSMemory() // the smaller stacks from which these grew
	state.Wait()
}

func walk(levels int) byte {
	var name [480]byte
	name[levels%len(name)] = byte(levels)
	if levels == 0 {
		deepest.Done()
		return <-answer
	}
	return walk(levels-1) + name[levels%len(name)]
}
