// Command mapped-files maps its database, a file of 150 MiB, and has read all of it. The pages are the kernel's
// cache of the file. They count as resident in this process, and the kernel can take them at any time without
// asking.
package main

import (
	"os"
	"syscall"

	"gospan.example/lab/state"
)

const size = 150 << 20

var sum int

func main() {
	state.Start()
	memory, err := database()
	if err != nil {
		state.Skip(err.Error())
	}
	for i := 0; i < size; i += 4096 {
		sum += int(memory[i])
	}
	state.Wait()
}

// database writes the file, maps it and removes it.
func database() ([]byte, error) {
	file, err := os.CreateTemp("", "mapped-files-")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	defer os.Remove(file.Name())
	page := make([]byte, 1<<20)
	state.Touch(page)
	for i := 0; i < size; i += len(page) {
		if _, err := file.Write(page); err != nil {
			return nil, err
		}
	}
	return syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
}
