// Command goroutine-leak asks a backend in a goroutine of its own for each request, and stops waiting after a timeout.
// The channel has no room for the answer that comes too late, so the goroutine waits for ever to send it: 30,000
// goroutines of one go statement, each with its stack, its descriptor and what it refers to.
package main

import (
	"runtime"
	"sync"

	"gospan.example/lab/state"
)

const requests = 30000

var (
	late     sync.WaitGroup
	deadline = make(chan struct{})
)

func main() {
	state.Start()
	close(deadline) // for all requests
	late.Add(requests)
	for i := 0; i < requests; i++ {
		handle(make([]byte, 500))
	}
	late.Wait()
	runtime.GC()
	runtime.GC()
	state.Wait()
}

// handle gives up before the answer comes.
func handle(request []byte) {
	answers := make(chan byte)
	go func() {
		answers <- ask(request)
	}()
	<-deadline // an answer that comes before it would be read here
}

// ask needs some stack.
//
//go:noinline
func ask(request []byte) byte {
	var buffer [2 << 10]byte
	n := copy(buffer[:], request)
	late.Done()
	return buffer[n-1]
}
