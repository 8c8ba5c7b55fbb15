// Command profiled allocates along stacks of several kinds, writes the profile that runtime/pprof makes of that, and ends
// like the sample program frag.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"

	"gospan.example/frag/last"
)

var (
	kept  [][]byte
	words bag[[3]uint64]
	large []byte
)

func keep(size int) { kept = append(kept, make([]byte, size)) } // inlined, as the next one

func twice(size int) {
	keep(size)
	keep(2 * size)
}

func deeper(depth, size int) {
	if depth > 0 {
		deeper(depth-1, size)
		return
	}
	twice(size)
}

type bag[T any] struct{ all []*T }

//go:noinline
func (b *bag[T]) add() { b.all = append(b.all, new(T)) }

//go:noinline
func Größe(size int) { func() { twice(size) }() }

func allocate() {
	for i := 0; i < 100; i++ {
		keep(100 * i)
		deeper(i%40, 1000)
		Größe(i)
		words.add()
		_ = strings.Repeat("garbage", 1000*i)
	}
}

// write has the profile of what the last collection but one has left.
func write(profile, path string) error {
	runtime.GC()
	runtime.GC()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return pprof.Lookup(profile).WriteTo(file, 0)
}

func main() {
	profile := flag.String("profile", "heap", "what runtime/pprof calls it: heap or allocs")
	rate := flag.Int("rate", 1, "runtime.MemProfileRate")
	huge := flag.Int("huge", 0, "MiB of one object that is not touched")
	out := flag.String("out", "heap.pb.gz", "file to write")
	end := flag.String("end", "exit", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	runtime.MemProfileRate = *rate
	allocate()
	if *huge > 0 {
		large = make([]byte, *huge<<20)
	}
	kept = kept[:len(kept)/2]
	ending, err := last.ParseEnd(*end)
	if err == nil {
		err = write(*profile, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profiled:", err)
		os.Exit(2)
	}
	last.Words(ending, false)
}
