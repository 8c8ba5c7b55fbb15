// Command owned has objects with known owners, of known sizes, and ends like the sample program frag.
//
// Every object is of a size class of its own size, so that what an owner retains can be computed.
package main

import (
	"container/list"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"gospan.example/frag/last"
)

// node is 64 bytes with pointers.
type node struct {
	next, other *node
	pad         [6]uintptr
}

// box is 128 bytes with a pointer to bytes of 1,024.
type box struct {
	bytes []byte
	pad   [13]uintptr
}

// entry is what a map and a list share, 96 bytes.
type entry struct {
	name *[48]byte
	pad  [11]uintptr
}

var (
	chain    *node           // 1,000 nodes, one behind the other
	pair     [2]*node        // 10 nodes that both lead to, and one of its own each
	boxes    []*box          // 60 boxes, each with its bytes
	ring     *node           // 5,000 nodes, each with both neighbours
	elements *list.List      // 500 entries
	index    = [500]*entry{} // the same entries
	single   *box
)

func bytes() []byte { return make([]byte, 1024) }

func main() {
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil {
		fmt.Fprintln(os.Stderr, "owned:", err)
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	build()
	ready := make(chan bool)
	for i := 0; i < 3; i++ {
		go holding(ready)
		<-ready
	}
	runtime.GC()
	runtime.GC()
	last.WordsAtOnce(ending)
}

// build has a frame of its own: what is left in it is not seen, for a stack is looked at from its stack pointer up.
//
//go:noinline
func build() {
	for i := 0; i < 1000; i++ {
		chain = &node{next: chain}
	}
	shared := &node{}
	for i := 0; i < 9; i++ {
		shared = &node{next: shared}
	}
	pair = [2]*node{{next: shared}, {next: shared}}
	boxes = make([]*box, 60)
	for i := 0; i < 60; i++ {
		boxes[i] = &box{bytes: bytes()}
	}
	ring = &node{}
	ring.next, ring.other = ring, ring
	for i := 1; i < 5000; i++ {
		added := &node{next: ring.next, other: ring}
		ring.next.other, ring.next = added, added
	}
	elements = list.New()
	for i := range index {
		index[i] = &entry{name: new([48]byte)}
		elements.PushBack(index[i])
	}
	single = &box{bytes: bytes()}
}

// holding has 50 nodes that only its stack leads to.
//
//go:noinline
func holding(ready chan bool) {
	var own *node
	for i := 0; i < 50; i++ {
		own = &node{next: own}
	}
	ready <- true
	<-make(chan bool)
	runtime.KeepAlive(own)
}
