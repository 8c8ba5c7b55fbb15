// Command crowd makes a heap of many span descriptors of every sort, which costs little memory.
//
// Most of its spans hold pointer-free memory that is never written. Among them are large
// objects with pointers, objects with finalizers, stacks, and descriptors of freed spans.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"gospan.example/frag/last"
)

const page = 8 << 10

// A record is large enough to begin with a pointer to its type, since Go 1.22.
type record struct {
	next *record
	rest [200]uintptr
}

type table struct {
	first *record
	rest  [8191]uintptr
}

var (
	medium  []*[6 << 10]byte // four to a span of three pages
	single  []*[page]byte    // one to a span of one page
	large   []*table
	records []*record
)

func main() {
	spans := flag.Int("spans", 2000, "spans of one page to make; every seventh is freed again")
	objects := flag.Int("medium", 70000, "objects of 6 KB")
	tables := flag.Int("large", 50, "large objects with pointers")
	finalizers := flag.Int("finalizers", 3000, "objects with a finalizer")
	stacks := flag.Int("stacks", 100, "goroutines that wait, with stacks of several sizes")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "crowd:", err, flag.Args())
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	for i := 0; i < *objects; i++ {
		medium = append(medium, new([6 << 10]byte))
	}
	for i := 0; i < *tables; i++ {
		large = append(large, &table{first: new(record)})
	}
	for i := 0; i < *finalizers; i++ {
		object := new(record)
		runtime.SetFinalizer(object, func(*record) {})
		records = append(records, object)
	}
	var ready sync.WaitGroup
	ready.Add(*stacks)
	for i := 0; i < *stacks; i++ {
		go wait(i%10*40, &ready)
	}
	ready.Wait()
	for i := 0; i < *spans; i++ {
		single = append(single, new([page]byte))
	}
	for i := 6; i < len(single); i += 7 {
		single[i] = nil
	}
	runtime.GC() // what is alive now sets the goal: no other collection will begin
	runtime.GC() // the first one leaves spans to be swept
	last.Words(ending, false)
}

// wait waits below so many frames of 256 bytes.
func wait(depth int, ready *sync.WaitGroup) byte {
	var frame [256]byte
	frame[depth&255] = byte(depth)
	if depth == 0 {
		ready.Done()
		select {}
	}
	return wait(depth-1, ready) + frame[depth&255]
}
