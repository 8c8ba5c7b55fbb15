// Command shared-memory keeps its cache in a file below /dev/shm, which it maps. That is tmpfs: the pages are memory,
// they count against the container's limit, and the kernel cannot drop them as it drops pages of other files.
package main

import (
	"os"
	"syscall"

	"gospan.example/lab/state"
)

const size = 150 << 20

func main() {
	state.Start()
	file, err := os.CreateTemp("/dev/shm", "lab")
	if err != nil {
		state.Skip(err.Error())
	}
	os.Remove(file.Name())
	if err := file.Truncate(size); err != nil {
		state.Skip(err.Error())
	}
	// Room for it first: without any, a write to the mapping ends the program.
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		state.Skip(err.Error())
	}
	memory, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		state.Skip(err.Error())
	}
	state.Touch(memory)
	state.Wait()
}
