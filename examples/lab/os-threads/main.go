// Command os-threads reads from 1,500 pipes as if they were files that cannot be waited for: each read blocks a thread.
// The runtime starts another one each time, and keeps all of them, with two stacks for each.
package main

import (
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"gospan.example/lab/state"
)

const readers = 1500

var reading int32

func main() {
	state.Start()
	debug.SetMaxThreads(2 * readers)
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		state.Skip(err.Error())
	}
	for i := 0; i < readers; i++ {
		go read(ends[0])
	}
	for atomic.LoadInt32(&reading) < readers {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	state.Wait()
}

func read(pipe int) {
	atomic.AddInt32(&reading, 1)
	syscall.Read(pipe, make([]byte, 1))
}
