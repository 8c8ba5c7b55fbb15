// Command many-stacks keeps 2,000 connections, with ten goroutines for each: ten go statements with 2,000
// goroutines each. None leaks, and none is large: each waits, with a buffer of 5 KiB on its stack of 8 KiB.
// Together the stacks are most of the memory.
package main

import (
	"runtime"
	"sync"

	"gospan.example/lab/state"
)

const connections = 2000

var (
	waiting sync.WaitGroup
	closed  = make(chan struct{})
	events  = make(chan []byte)
)

func main() {
	state.Start()
	waiting.Add(10 * connections)
	for i := 0; i < connections; i++ {
		connect()
	}
	waiting.Wait()
	runtime.GC()
	runtime.GC()
	state.Wait()
}

func connect() {
	go accept()
	go read()
	go write()
	go ping()
	go retry()
	go watch()
	go flush()
	go renew()
	go audit()
	go notify()
}

func accept() { serve() }
func read()   { serve() }
func write()  { serve() }
func ping()   { serve() }
func retry()  { serve() }
func watch()  { serve() }
func flush()  { serve() }
func renew()  { serve() }
func audit()  { serve() }
func notify() { serve() }

// serve waits for an event, with a buffer for the answer.
//
//go:noinline
func serve() {
	var answer [5 << 10]byte
	waiting.Done()
	select {
	case event := <-events:
		copy(answer[:], event)
		events <- append([]byte(nil), answer[:]...)
	case <-closed:
	}
}
