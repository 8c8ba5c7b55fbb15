// Command finalizers-stuck wraps C handles in objects with a finalizer, and one finalizer waits for a lock that nobody
// gives back. All finalizers run in one goroutine, one after another, so no other runs again. The dead objects
// behind it, 2 KiB each, wait in the queue and are never freed.
package main

import (
	"runtime"
	"time"

	"gospan.example/lab/state"
)

type handle struct {
	buffer [2 << 10]byte
}

var (
	lock    = make(chan struct{})
	started = make(chan struct{})
)

func main() {
	state.Start()
	runtime.SetFinalizer(new(handle), func(*handle) {
		close(started)
		<-lock
	})
	for stuck := false; !stuck; {
		runtime.GC()
		select {
		case <-started:
			stuck = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	for i := 0; i < 60000; i++ {
		one := new(handle)
		state.Touch(one.buffer[:])
		runtime.SetFinalizer(one, func(*handle) {})
	}
	runtime.GC()
	runtime.GC()
	state.Wait()
}
