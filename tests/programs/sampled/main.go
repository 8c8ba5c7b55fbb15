// Command sampled allocates in ways that a heap profile must tell apart, blocks and contends, writes the profiles that
// Go itself makes of that, and waits: what a reader finds afterwards must be the same.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"time"
)

type node struct {
	next *node
	data [120]byte
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

var (
	rate    = flag.Int("rate", 512<<10, "MemProfileRate")
	count   = flag.Int("count", 2000, "rounds")
	folder  = flag.String("folder", "", "where to write the profiles; none without")
	collect = flag.Bool("collect", true, "collect before they are written; without it cycles come by themselves, or with GOGC=off none, and nothing is published")
	blocks  = flag.Int("blocks", 1, "rate of the block and mutex profiles")
	keep    = flag.Bool("keep", false, "leave the mutex profile on: Go 1.19 scales it when it is written")

	nodes   *node
	buffers [][]byte
	pairs   []any
	words   = map[string][]byte{}
)

// small is inlined into its callers.
func small(n int) []byte { return make([]byte, n) }

// middle is inlined too, around small.
func middle(n int) []byte { return append(small(n), 1) }

func recursive(depth int) {
	if depth == 0 {
		nodes = &node{next: nodes}
		return
	}
	recursive(depth - 1)
}

func generic[K comparable, V any](key K, value V) {
	pairs = append(pairs, &pair[K, V]{key, value})
}

//go:noinline
func large(n int) { buffers = append(buffers, make([]byte, n)) }

//go:noinline
func dropped(n int) int { return len(middle(n)) }

func work() {
	for i := 0; i < *count; i++ {
		recursive(i % 7)
		generic(i, "text")
		generic("key", float64(i))
		words[fmt.Sprint("word ", i%500)] = middle(64 + i%64)
		dropped(1000)
		if i%100 == 0 {
			large(100_000 + i)
			func() { buffers = append(buffers, small(5000)) }()
		}
	}
}

func contend() {
	var lock sync.Mutex
	var all sync.WaitGroup
	channel := make(chan int)
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 20; j++ {
				lock.Lock()
				time.Sleep(100 * time.Microsecond)
				lock.Unlock()
				<-channel
			}
		}()
	}
	for i := 0; i < 80; i++ {
		channel <- i
	}
	all.Wait()
}

func write(name string) {
	file, err := os.Create(filepath.Join(*folder, name))
	if err == nil {
		err = pprof.Lookup(name).WriteTo(file, 0)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	flag.Parse()
	runtime.MemProfileRate = *rate
	runtime.SetBlockProfileRate(*blocks)
	runtime.SetMutexProfileFraction(*blocks)
	work()
	contend()
	runtime.SetBlockProfileRate(0)
	if !*keep {
		runtime.SetMutexProfileFraction(0)
	}
	if *collect {
		runtime.GC()
	}
	work()
	if *collect {
		runtime.GC()
	}
	debug.SetGCPercent(-1) // the writing starts no cycle
	if *folder != "" {
		for _, name := range []string{"heap", "block", "mutex"} {
			write(name)
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
