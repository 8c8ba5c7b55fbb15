// Command anonymous-memory keeps its data outside of the Go heap, in 150 MiB of anonymous memory that it gets from the kernel by
// itself, as some caches and databases do to spare the collector. The runtime does not count them: RSS is far above
// all that MemStats says.
package main

import (
	"syscall"

	"gospan.example/lab/state"
)

func main() {
	state.Start()
	for i := 0; i < 3; i++ {
		memory, err := syscall.Mmap(-1, 0, 50<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			state.Skip(err.Error())
		}
		state.Touch(memory)
	}
	state.Wait()
}
