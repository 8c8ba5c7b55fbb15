// Command spans makes a heap of many spans that costs little memory, for benchmarks.
//
// Each span holds one pointer-free slice of 8 KiB that is never written: what is
// paid for are the runtime's own structures, and the core is a file of holes.
// With -clock it prints, whenever SIGUSR1 comes, for how many nanoseconds it has stood still at the longest since
// the last one: a thread of its own looks at the clock all the time.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"gospan.example/frag/last"
)

const size = 8 << 10

// garbage is about what -churn leaves between two collections, in bytes.
const garbage = 64 << 20

var slices []*[size]byte

func main() {
	spans := flag.Int("spans", 24000, "spans to make, about")
	drop := flag.Int("drop", 0, "free every so many of them again; their descriptors go to the free list of spanalloc")
	looks := flag.Bool("clock", false, "print the longest gap in ns at SIGUSR1")
	churn := flag.Bool("churn", false, "allocate and collect for ever: there is no end")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || *spans < 0 || *drop < 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: spans [-spans N] [-drop K] [-clock] [-churn] [-end abort|sleep|exit]")
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	slices = make([]*[size]byte, *spans)
	for i := range slices {
		slices[i] = new([size]byte)
	}
	for i := *drop - 1; *drop > 0 && i < len(slices); i += *drop {
		slices[i] = nil
	}
	runtime.GC() // what is alive now sets the goal: no other collection will begin
	runtime.GC() // the first one leaves spans to be swept
	if *looks {
		clock()
	}
	if *churn {
		debug.SetGCPercent(1 + 100*garbage/(*spans*size+1))
		fmt.Println("{}")
		allocate()
	}
	last.Words(ending, false)
}

func clock() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	var longest atomic.Int64
	go func() {
		runtime.LockOSThread()
		for before := time.Now(); ; {
			before = look(before, &longest)
		}
	}()
	go func() {
		for range asked {
			fmt.Println(longest.Swap(0))
		}
	}()
}

// look is no part of the loop, so that the collector can stop it: there are places for that at the begin of functions.
//
//go:noinline
func look(before time.Time, longest *atomic.Int64) time.Time {
	now := time.Now()
	if gap := now.Sub(before).Nanoseconds(); gap > longest.Load() {
		longest.Store(gap)
	}
	return now
}

var sink []byte

func allocate() {
	for number := 0; ; number++ {
		sink = make([]byte, 16<<(number%12))
	}
}
