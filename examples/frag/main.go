// Command frag fragments its heap the way real servers do, then ends.
//
// It plays a cache of sessions. Every session is a small struct with pointers and
// may have a table of pointers, a byte buffer, now and then a buffer of more than
// 32 KiB, which the runtime gives a span of its own. The cache grows to four times
// the size that is needed in the end. Then sessions expire: half of the stretches of
// sessions that were opened one after the other go altogether, and of the sessions
// in the other half every second one goes, at random.
//
// Why the heap looks as it does afterwards: the garbage collector frees objects,
// but only a span (a run of 8 KiB pages cut into slots of one size) with no object
// left goes back to the page allocator. Where a whole stretch went, most spans did
// get empty: about half of the heap is idle, in holes between spans that stay.
// Where every second session went, a span of many slots is practically never
// empty: those spans stay in use, half full. Neither is a leak: all of it can be
// used again, the slots only for objects of the same size class.
//
// The last thing the program does is to print runtime.MemStats as one line of
// JSON and to die by SIGABRT (or sleep, or exit) without allocating anything in
// between: the core holds exactly the heap that the line describes.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime"

	"gospan.example/frag/last"
)

// stretch is the number of sessions, opened one after the other, that expire or stay together.
const stretch = 1000

// A session is what the cache holds.
type session struct {
	id     uint64
	table  []*uint64
	buffer []byte
}

// sessions is a global so that everything it holds is still alive at the end.
var sessions []*session

func main() {
	objects := flag.Int("objects", 100000, "objects alive in the end")
	seed := flag.Int64("seed", 1, "seed of the random sizes and of what expires")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	cached := flag.Bool("cached", false, "after printing, allocate one object of many size classes, so that spans are cached")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || *objects < 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: frag [-objects N] [-seed N] [-end abort|sleep|exit] [-cached]")
		os.Exit(2)
	}

	r := rand.New(rand.NewSource(*seed))
	fill(r, 4**objects)
	expire(r)
	// The first collection frees what has expired, the second one sweeps what the first one
	// left to be swept lazily, so that every free slot is known as free.
	runtime.GC()
	runtime.GC()
	last.Words(ending, *cached)
}

// fill opens sessions until they hold about the given number of objects.
func fill(r *rand.Rand, objects int) {
	for n := 0; n < objects; n++ {
		s := &session{id: uint64(n)}
		if r.Intn(2) == 0 {
			s.table = make([]*uint64, size(r)/8)
			s.table[0] = &s.id
			n++
		}
		if r.Intn(800) == 0 {
			s.buffer = make([]byte, 32<<10+r.Intn(64<<10))
		} else {
			s.buffer = make([]byte, size(r))
		}
		n++
		sessions = append(sessions, s)
	}
}

// size returns 32 to 5119 bytes, small sizes as likely as big ones.
func size(r *rand.Rand) int {
	base := 32 << r.Intn(8)
	return base + r.Intn(base/4)
}

// expire drops three sessions in four.
func expire(r *rand.Rand) {
	var left []*session
	gone := false
	for i, s := range sessions {
		if i%stretch == 0 {
			gone = r.Intn(2) == 0
		}
		if !gone && r.Intn(2) == 0 {
			left = append(left, s)
		}
	}
	sessions = append([]*session(nil), left...)
}
