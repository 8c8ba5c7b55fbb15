// Command p-hoard is a service that sees the 192 processors of its host, not the two of its container, so the
// runtime has 192 Ps. Each P keeps a span with free slots for every size class that it has used, and only a GC
// cycle takes them back. Here the collector is off but for a memory limit that is far away, so the Ps keep more
// than all objects need.
package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"unsafe"

	"gospan.example/lab/state"
)

const processors = 192

var (
	served  int32
	touched = processors * 700 << 10 // about what the Ps will take
	moment  = syscall.Timespec{Nsec: 1e6}
	bytes   [processors][]byte // the last answers, so that the compiler puts them on the heap
	lists   [processors][]*byte
)

func main() {
	state.Start()
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(4 << 30)
	runtime.GOMAXPROCS(processors)
	for used := 0; used < touched; used += 1 << 20 { // earlier work; its pages are resident and free after the cycle
		bytes[0] = make([]byte, 1<<20)
		state.Touch(bytes[0])
	}
	bytes[0] = nil
	runtime.GC()
	for i := 1; i < processors; i++ {
		go serve(i)
	}
	serve(0)
	state.Wait()
}

// serve allocates an object of each of many classes, with and without pointers, and keeps its P until all have served.
func serve(number int) {
	for size := 16; size < 6000; size += 16 + size/10 {
		bytes[number] = make([]byte, size)
		lists[number] = make([]*byte, size/8)
	}
	atomic.AddInt32(&served, 1)
	for atomic.LoadInt32(&served) < processors {
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&moment)), 0, 0)
	}
}
