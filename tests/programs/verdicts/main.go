// Command verdicts brings a heap into a state that the checks are judged by, one for each mode.
//
//	idle       every thread of the runtime is parked
//	parked     the same beside threads of C that sleep (built with cgo)
//
// These wait for a byte first:
//
//	contended  many goroutines want the lock of the heap
//	miscounts  collects garbage; what it prints first is the address of an object
//	zombie     has the collector find a pointer to an object that is free, and throw
//	limited    lets the heap grow until the limit of its data (ulimit -d) is reached, and throws
//	arenas     makes and frees user arenas (built with GOEXPERIMENT=arenas)
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// held keeps alive whatever should be alive in the end.
var held []interface{}

var modes = map[string]func(){
	"idle":      idle,
	"parked":    parked,
	"contended": contended,
	"miscounts": miscounts,
	"zombie":    zombie,
	"limited":   limited,
	"arenas":    arenas,
}

func main() {
	mode := modes[strings.Join(os.Args[1:], " ")]
	if mode == nil {
		fmt.Fprintln(os.Stderr, "usage: verdicts idle|parked|contended|miscounts|zombie|limited|arenas")
		os.Exit(2)
	}
	mode()
}

func idle() {
	fill()
	sleep()
}

func parked() {
	fill()
	parkThreads()
	settle()
	parkMain()
}

func sleep() {
	settle()
	time.Sleep(time.Hour)
}

// settle sees to it that neither the collector nor the scavenger has anything to do: the goal is far away.
func settle() {
	debug.SetGCPercent(1000)
	fmt.Println("ready")
}

// begin says something and waits for a byte.
func begin(said interface{}) {
	fmt.Println(said)
	var answer [1]byte
	for {
		if _, err := syscall.Read(0, answer[:]); err != syscall.EINTR {
			return
		}
	}
}

// fill leaves spans of many size classes behind, half of whose objects are free, large objects, and goroutines.
func fill() {
	kept := make([][]byte, 0, 4000)
	pointers := make([][]*int, 0, 4000)
	for i := 0; i < 8000; i++ {
		noscan, scan := make([]byte, 16+i%2000), make([]*int, 1+i%200)
		if i%2 == 0 {
			kept, pointers = append(kept, noscan), append(pointers, scan)
		}
	}
	for i := 0; i < 8; i++ {
		held = append(held, make([]byte, 100<<10))
	}
	held = append(held, kept, pointers)
	var started sync.WaitGroup
	for i := 0; i < 50; i++ {
		started.Add(1)
		go func() {
			started.Done()
			select {}
		}()
	}
	started.Wait()
	runtime.GC()
	runtime.GC() // the first one leaves spans to be swept
}

// contended allocates objects of fewer pages than a P takes from its own page cache; each P begins with empty caches.
func contended() {
	debug.SetGCPercent(-1)
	start := make(chan struct{})
	workers := 2 * runtime.GOMAXPROCS(0)
	var apart sync.WaitGroup
	apart.Add(workers)
	for i := 0; i < workers; i++ {
		go func() {
			// Each on a thread of its own for a moment: then no thread is being made later.
			runtime.LockOSThread()
			apart.Done()
			apart.Wait()
			runtime.UnlockOSThread()
			<-start
			var ring [64][]byte
			for j := 0; ; j++ {
				ring[j%len(ring)] = make([]byte, (33+j%64)<<10)
			}
		}()
	}
	apart.Wait()
	begin("ready")
	close(start)
	time.Sleep(5 * time.Minute)
}

func miscounts() {
	objects := make([]*[144]byte, 2000)
	for i := range objects {
		objects[i] = new([144]byte)
	}
	runtime.GC()
	runtime.GC()
	begin(uintptr(unsafe.Pointer(objects[len(objects)/2])))
	runtime.GC()
	runtime.GC()
	runtime.KeepAlive(objects)
	fmt.Println("survived")
}

func zombie() {
	alive := make([]*unusual, 40)
	hidden := make([]uintptr, len(alive))
	for i := range alive {
		alive[i] = newUnusual()
		hidden[i] = uintptr(unsafe.Pointer(newUnusual()))
	}
	runtime.GC()
	revived := make([]*unusual, len(hidden))
	for i := range hidden {
		revived[i] = *(**unusual)(unsafe.Pointer(&hidden[i]))
	}
	begin("ready")
	runtime.GC()
	runtime.KeepAlive(alive)
	runtime.KeepAlive(revived)
	fmt.Println("survived")
}

// unusual is of a size class of which nobody else takes the free slots.
type unusual [190]byte

//go:noinline
func newUnusual() *unusual {
	return new(unusual)
}

func limited() {
	fill()
	debug.SetGCPercent(-1)
	const room = 34 << 20 // no multiple of the 4 MiB by which the heap grows: what else is mapped has room to the end
	limit := syscall.Rlimit{Cur: dataBytes() + room, Max: dataBytes() + room}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
		os.Exit(2)
	}
	begin("ready")
	for i := 0; i < 4*room>>20; i++ {
		held = append(held, make([]byte, 1<<20))
	}
	fmt.Println("survived")
}

// dataBytes returns what the kernel counts against the limit of data.
func dataBytes() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Fprintln(os.Stderr, "verdicts:", err)
		os.Exit(2)
	}
	var kilobytes uint64
	for _, line := range strings.Split(string(status), "\n") {
		fmt.Sscanf(line, "VmData: %d kB", &kilobytes)
	}
	return kilobytes << 10
}
