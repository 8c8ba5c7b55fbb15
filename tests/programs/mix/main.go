// Command mix changes whatever can be changed while it allocates: the number of
// Ps, the memory limit, GOGC, stacks, profiles, user arenas. For tests that stop it
// in the middle of something.
//
// It prints one line of progress every 100 ms and ends by itself.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"gospan.example/programs/arenas"
)

var sinks [64]interface{}

func main() {
	seconds := flag.Float64("seconds", 60, "ends after that time")
	flag.Parse()
	go arenas.Churn()
	go processors()
	go stacks()
	go settings()
	go profiles()
	go finalizers()
	for worker := 0; worker < 4; worker++ {
		go objects(worker)
	}
	end := time.Now().Add(time.Duration(*seconds * float64(time.Second)))
	for line := 1; time.Now().Before(end); line++ {
		fmt.Println("mix", line)
		time.Sleep(100 * time.Millisecond)
	}
}

func processors() {
	for i := 0; ; i++ {
		runtime.GOMAXPROCS(1 + i%6)
		time.Sleep(3 * time.Millisecond)
	}
}

// stacks makes goroutines with stacks of all sizes, up to more than a MB.
func stacks() {
	for i := 0; ; i++ {
		done := make(chan int)
		go func() { done <- descend(1 << (i % 15)) }()
		<-done
	}
}

func descend(depth int) int {
	var frame [64]byte
	frame[depth&63] = 1
	if depth > 0 {
		return descend(depth-1) + int(frame[depth&63])
	}
	return 0
}

func settings() {
	for i := 0; ; i++ {
		debug.SetMemoryLimit(int64(20+i%100) << 20)
		debug.SetGCPercent(10 + i%200)
		time.Sleep(5 * time.Millisecond)
	}
}

func profiles() {
	var stats runtime.MemStats
	for {
		runtime.ReadMemStats(&stats)
		var buffer bytes.Buffer
		for _, name := range []string{"heap", "goroutine"} {
			if err := pprof.Lookup(name).WriteTo(&buffer, 0); err != nil {
				panic(err)
			}
		}
		time.Sleep(7 * time.Millisecond)
	}
}

func finalizers() {
	for i := 0; ; i++ {
		for j := 0; j < 300; j++ {
			runtime.SetFinalizer(new([9]uintptr), func(*[9]uintptr) {})
		}
		if i%40 == 0 {
			debug.FreeOSMemory()
		}
		time.Sleep(time.Millisecond)
	}
}

// objects makes small and large ones, with and without pointers, with and without a header.
func objects(worker int) {
	type big struct {
		pointers [100]*int
		bytes    [3000]byte
	}
	words := map[int]string{}
	for i := 0; ; i++ {
		words[i%10000] = string(make([]byte, i%50))
		sinks[(i+worker)%64] = make([]byte, (i*37)%70000)
		if i%100 == 0 {
			sinks[(i+worker)%64] = make([]*int, (i*137)%3000000)
		}
		sinks[worker] = new(big)
	}
}
