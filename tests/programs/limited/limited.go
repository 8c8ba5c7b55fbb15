// Command limited holds a live set near its memory limit and allocates until the collector's CPU limiter was enabled,
// with finalizers and, since Go 1.24, cleanups that block; then it prints what runtime/metrics says, and does nothing more.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"gospan.example/frag/last"
)

const piece = 64 << 10

type node struct {
	next *node
	rest [100]byte
}

var (
	kept  *node
	ring  [64]*[piece]byte
	block = make(chan struct{})
)

// held stands where the finalizer that blocks does.
//
//go:noinline
func held() { <-block }

func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

func main() {
	live := flag.Int("live", 60, "MiB of small objects to keep")
	limit := flag.Int("limit", 10, "MiB of memory limit; 0 for none, and no collection but one")
	stuck := flag.Int("stuck", 0, "objects with a finalizer that wait behind one that blocks")
	since := flag.Int("since", 0, "objects of the same size to allocate after the last collection, and to keep")
	cleanups := flag.Int("cleanups", 0, "dead objects with a cleanup, each of which blocks; since Go 1.24")
	seconds := flag.Int("seconds", 20, "to give up after")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "limited:", err, flag.Args())
		os.Exit(2)
	}
	if *stuck > 0 {
		block := new(node)
		runtime.SetFinalizer(block, func(*node) { held() })
		block = nil
		runtime.GC()
		for i := 0; i < 1000 && read("/gc/cycles/total:gc-cycles") < 3; i++ {
			runtime.GC()
			time.Sleep(time.Millisecond)
		}
		for i := 0; i < *stuck; i++ {
			runtime.SetFinalizer(new(node), func(*node) {})
		}
		runtime.GC()
		runtime.GC()
	} else if *cleanups > 0 {
		for i := 0; i < *cleanups; i++ {
			addCleanup(new(node))
		}
		runtime.GC()
		runtime.GC()
	} else {
		for i := 0; i < *live<<20/112; i++ {
			kept = &node{next: kept}
		}
		if *limit == 0 {
			debug.SetGCPercent(-1)
			runtime.GC()
			runtime.GC()
			for i := 0; i < *since; i++ {
				kept = &node{next: kept}
			}
			*seconds = 0
		} else {
			debug.SetMemoryLimit(int64(*limit) << 20)
		}
		until := time.Now().Add(time.Duration(*seconds) * time.Second)
		for i := 0; read("/gc/limiter/last-enabled:gc-cycle") == 0 && time.Now().Before(until); i++ {
			ring[i%len(ring)] = new([piece]byte)
		}
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 50)
	time.Sleep(20 * time.Millisecond)
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	ends := make([]int64, len(stats.PauseEnd))
	for i, at := range stats.PauseEnd {
		ends[i] = at.UnixNano()
	}
	fmt.Printf("{\"last_enabled\": %d, \"cycles\": %d, \"newest\": %d, \"sixteenth\": %d}\n",
		read("/gc/limiter/last-enabled:gc-cycle"), stats.NumGC, ends[0], ends[min16(len(ends))-1])
	last.Words(ending, false)
	runtime.KeepAlive(kept)
}

func min16(n int) int {
	if n < 16 {
		return n
	}
	return 16
}
