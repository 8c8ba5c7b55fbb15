// Command dead-goroutines started a goroutine for each of 300,000 jobs, all at once, and all have ended. Stacks are
// freed after that, but the runtime never frees the descriptor of a goroutine (a g, some 400 bytes): it keeps it
// for the next.
package main

import (
	"runtime/debug"
	"sync"

	"gospan.example/lab/state"
)

const jobs = 300000

func main() {
	state.Start()
	start := make(chan struct{})
	var done sync.WaitGroup
	done.Add(jobs)
	for i := 0; i < jobs; i++ {
		go func() {
			<-start
			done.Done()
		}()
	}
	close(start)
	done.Wait()
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	state.Wait()
}
