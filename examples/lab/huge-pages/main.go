// Command huge-pages returned the memory of a burst, all but a block of 64 KiB here and there. Then the kernel made
// huge pages (2 MiB) of the blocks and the holes between them, which makes the holes resident again. The kernel
// does this on its own where transparent huge pages are on (khugepaged); here the program asks for it, to be quick.
package main

import (
	"fmt"
	"runtime/debug"
	"syscall"
	"unsafe"

	"gospan.example/lab/state"
)

const (
	huge            = 2 << 20
	each            = 64 << 10
	total           = 160 << 20
	madviseHuge     = 14 // old Go releases forbid huge pages where they returned memory
	madviseCollapse = 25 // since Linux 6.1
)

var kept [][]byte

func main() {
	state.Start()
	low, high := burst()
	debug.FreeOSMemory()
	var collapsed int
	var failed error
	for at := low &^ (huge - 1); at+huge <= high; at += huge {
		syscall.Syscall(syscall.SYS_MADVISE, at, huge, madviseHuge)
		if _, _, err := syscall.Syscall(syscall.SYS_MADVISE, at, huge, madviseCollapse); err != 0 {
			failed = err
		} else {
			collapsed++
		}
	}
	if collapsed < total/huge/2 {
		state.Skip(fmt.Sprintf("the kernel makes %d huge pages of %d: %v", collapsed, total/huge, failed))
	}
	state.Wait()
}

// burst keeps one block of each huge page, and tells from where to where the blocks were.
func burst() (low, high uintptr) {
	low = ^uintptr(0)
	all := make([][]byte, total/each)
	for i := range all {
		all[i] = make([]byte, each)
		state.Touch(all[i])
		if i%(huge/each) == 0 {
			kept = append(kept, all[i])
		}
		at := uintptr(unsafe.Pointer(&all[i][0]))
		if at < low {
			low = at
		}
		if at > high {
			high = at
		}
	}
	return low, high
}
