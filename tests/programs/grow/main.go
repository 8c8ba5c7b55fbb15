// Command grow leaves runs of free pages behind, waits for a number of bytes, and allocates exactly so many.
//
// It says "ready" before and "done" after, so that the heap's mappings can be compared: HeapSys will
// not do, it leaves stacks and work buffers out and rises when the runtime gives one of those back.
// The longest run is free pages that went back to the operating system, side by side with free pages
// that did not, and is longer than a chunk of the page allocator (4 MiB).
//
// The number comes through a FIFO, so that nothing is allocated while a debugger looks.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

const (
	holes = 40
	hole  = 1 << 20
	wall  = 64 << 10
)

var (
	walls    [][]byte
	bytes    []byte
	pointers []*byte
	request  [32]byte
)

func main() {
	fifo := flag.String("fifo", "", "where the number of bytes comes from")
	scan := flag.Bool("pointers", false, "allocate memory that holds pointers")
	flag.Parse()
	from, err := syscall.Open(*fifo, syscall.O_RDWR, 0) // with a writer of its own the open does not wait
	if err != nil {
		fmt.Fprintln(os.Stderr, "grow:", err)
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	leaveHoles()

	fmt.Println("ready")
	number := read(from)
	if *scan {
		pointers = make([]*byte, number/8)
	} else {
		bytes = make([]byte, number)
	}
	fmt.Println("done")
	time.Sleep(time.Hour)
}

// leaveHoles frees every second of the blocks that it allocates one after the other, the last two last.
//
//go:noinline
func leaveHoles() {
	var returned, kept []byte
	for i := 0; i < holes; i++ {
		_ = block(hole)
		walls = append(walls, block(wall))
	}
	returned = block(3*hole + hole/2)
	kept = block(6 * hole)
	walls = append(walls, block(wall))
	runtime.KeepAlive(returned)
	returned = nil
	debug.FreeOSMemory()
	runtime.KeepAlive(kept)
	kept = nil
	runtime.GC()
}

//go:noinline
func block(size int) []byte {
	return make([]byte, size)
}

func read(from int) (number int) {
	for {
		n, err := syscall.Read(from, request[:])
		if err == syscall.EINTR { // a debugger came or went
			continue
		}
		for _, digit := range request[:n] {
			if digit >= '0' && digit <= '9' {
				number = 10*number + int(digit-'0')
			}
		}
		return number
	}
}
