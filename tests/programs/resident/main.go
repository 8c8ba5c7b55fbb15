// Command resident has memory of one kind that is not in the Go heap, or is in it in an unusual way, and then stands still.
//
// It prints a line when all is there. What it needs of C is in c.go; built without cgo it has the other modes.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"
)

const mib = 1 << 20

// kept is what stays alive, for the collector.
var kept [][]byte

var modes = map[string]func() error{
	"plain":    plain,
	"mmap":     mapped,
	"burst":    burst,
	"collapse": collapse,
}

func main() {
	mode := flag.String("mode", "plain", "what to have")
	flag.Parse()
	have := modes[*mode]
	if have == nil {
		fmt.Fprintln(os.Stderr, "resident: no such mode:", *mode)
		os.Exit(2)
	}
	if err := have(); err != nil {
		fmt.Println("skip:", err)
	} else {
		fmt.Println("ready")
	}
	for {
		time.Sleep(time.Hour)
	}
}

// plain keeps every second object of a page or less.
func plain() error {
	for i := 0; i < 40000; i++ {
		object := make([]byte, 16+i%1500)
		if i%2 == 0 {
			kept = append(kept, object)
		}
	}
	runtime.GC()
	runtime.GC()
	return nil
}

// mapped writes to memory that it gets from the kernel itself, in several places: 200 MiB.
func mapped() error {
	for i := 0; i < 4; i++ {
		memory, err := syscall.Mmap(-1, 0, 50*mib, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			return err
		}
		touch(memory)
		kept = append(kept, make([]byte, mib)) // the heap grows in between
	}
	return nil
}

// burst needs 160 MiB once, and has the runtime give them back.
func burst() error {
	func() {
		var many [][]byte
		for i := 0; i < 160; i++ {
			many = append(many, make([]byte, mib))
			touch(many[i])
		}
		runtime.KeepAlive(many)
	}()
	debug.FreeOSMemory()
	return nil
}

// madviseCollapse is MADV_COLLAPSE (Linux 6.1).
const madviseCollapse = 25

// collapse keeps one of 32 objects of 64 KiB, gives the rest back, and has the kernel make huge pages of it all.
func collapse() error {
	const huge, each = 2 * mib, 64 << 10
	low, high := ^uintptr(0), uintptr(0)
	func() {
		var many [][]byte
		for i := 0; i < 64*mib/each; i++ {
			many = append(many, make([]byte, each))
			touch(many[i])
			if i%(huge/each) == 0 {
				kept = append(kept, many[i])
			}
		}
		for _, object := range many {
			at := uintptr(unsafe.Pointer(&object[0]))
			low, high = min(low, at), max(high, at)
		}
	}()
	debug.FreeOSMemory()
	var failed error
	collapsed := 0
	for at := low &^ (huge - 1); at+huge <= high; at += huge {
		if _, _, err := syscall.Syscall(syscall.SYS_MADVISE, at, huge, madviseCollapse); err != 0 {
			failed = err
		} else {
			collapsed++
		}
	}
	if collapsed < 16 {
		return fmt.Errorf("MADV_COLLAPSE: %d huge pages, %v", collapsed, failed)
	}
	return nil
}

func min(a, b uintptr) uintptr {
	if a < b {
		return a
	}
	return b
}

func max(a, b uintptr) uintptr {
	if a > b {
		return a
	}
	return b
}

// touch writes to each page.
func touch(memory []byte) {
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
}
