// Command churn keeps the allocator busy in every way it knows, for tests that
// stop a process at a random moment.
//
// It prints one line of progress every 100 ms and ends by itself.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"gospan.example/programs/arenas"
)

var operations uint64

func main() {
	seconds := flag.Float64("seconds", 60, "ends after that time")
	megabytes := flag.Int("live", 16, "about so many MB stay alive")
	withLarge := flag.Bool("large", true, "large objects too")
	limit := flag.Int64("limit", 0, "memory limit in MB, 0 for none")
	flag.Parse()
	if *limit > 0 {
		debug.SetMemoryLimit(*limit << 20)
	}

	workers := runtime.GOMAXPROCS(0) + 1
	for i := 0; i < workers; i++ {
		go small(rand.New(rand.NewSource(int64(i))), *megabytes<<20/workers)
	}
	if *withLarge {
		go large(rand.New(rand.NewSource(100)))
	}
	go stacks(rand.New(rand.NewSource(200)))
	go finalizers()
	go collections()
	go arenas.Churn()

	end := time.Now().Add(time.Duration(*seconds * float64(time.Second)))
	for line := 1; time.Now().Before(end); line++ {
		fmt.Printf("churn %d: %d operations\n", line, atomic.LoadUint64(&operations))
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Println("churn: over")
}

// small replaces objects of all small size classes, with and without pointers, tiny ones too.
func small(r *rand.Rand, bytes int) {
	const mean = 1400
	noscan := make([][]byte, bytes/mean)
	scan := make([][]*int, bytes/mean)
	for {
		i := r.Intn(len(noscan))
		size := 1 << r.Intn(13)
		noscan[i] = make([]byte, size+r.Intn(size))
		scan[i] = make([]*int, 1+size/16)
		scan[i][0] = new(int)
		if r.Intn(1000) == 0 { // leave spans half empty
			for j := range scan {
				if r.Intn(2) == 0 {
					scan[j] = nil
				}
			}
		}
		atomic.AddUint64(&operations, 1)
	}
}

// large replaces objects that have a span of their own, and leaves most of them untouched.
func large(r *rand.Rand) {
	held := make([][]byte, 16)
	for {
		held[r.Intn(len(held))] = make([]byte, 33<<10+r.Intn(1<<20))
		held[r.Intn(len(held))] = nil
		atomic.AddUint64(&operations, 1)
		runtime.Gosched()
	}
}

// stacks starts goroutines whose stacks grow, small ones and ones of more than 32 KiB.
func stacks(r *rand.Rand) {
	for {
		done := make(chan int, 20)
		for i := 0; i < cap(done); i++ {
			depth := 1 << r.Intn(10)
			go func() { done <- descend(depth) }()
		}
		for i := 0; i < cap(done); i++ {
			<-done
		}
		atomic.AddUint64(&operations, 1)
	}
}

func descend(depth int) int {
	var frame [256]byte
	frame[depth&255] = 1
	if depth > 0 {
		return descend(depth-1) + int(frame[depth&255])
	}
	return 0
}

// finalizers makes objects that say when they go.
func finalizers() {
	for {
		for i := 0; i < 100; i++ {
			runtime.SetFinalizer(&[8]int{}, func(*[8]int) { atomic.AddUint64(&operations, 1) })
		}
		time.Sleep(time.Millisecond)
	}
}

// collections forces one now and then; most happen because of what is allocated.
func collections() {
	for {
		time.Sleep(250 * time.Millisecond)
		runtime.GC()
		time.Sleep(250 * time.Millisecond)
		debug.FreeOSMemory()
	}
}
