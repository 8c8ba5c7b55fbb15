// Command waits has goroutines that wait in every common way, and writes its own goroutine profile for comparison.
//
// The profile is that of /debug/pprof/goroutine?debug=1. When it is written all of them wait, and none does anything
// afterwards but the main one, which ends as it is told.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"time"

	"gospan.example/frag/last"
)

var (
	ready   sync.WaitGroup
	never   = make(chan int)
	other   = make(chan int)
	full    = make(chan int, 1)
	locked  sync.Mutex
	cond    = sync.NewCond(new(sync.Mutex))
	pending sync.WaitGroup
)

func receiver() { ready.Done(); <-never }
func sender()   { ready.Done(); full <- 2 }
func chooser() {
	ready.Done()
	select {
	case <-other:
	case full <- 3:
	}
}
func sleeper() { ready.Done(); time.Sleep(time.Hour) }
func locker()  { ready.Done(); locked.Lock() }
func signaled() {
	cond.L.Lock()
	ready.Done()
	cond.Wait()
}
func waiter() { ready.Done(); pending.Wait() }
func reader(from *os.File) {
	ready.Done()
	from.Read(make([]byte, 1))
}
func forever() { ready.Done(); select {} }

// deep waits below frames of a quarter of a KiB each, so that its stack has grown.
func deep(frames int) byte {
	var frame [256]byte
	frame[frames&255] = byte(frames)
	if frames == 0 {
		forever()
	}
	return deep(frames-1) + frame[frames&255]
}

// A pool starts its workers in a method, by a closure.
type pool struct{ jobs chan func() }

func (p *pool) start(workers int) {
	for i := 0; i < workers; i++ {
		go func() {
			ready.Done()
			for job := range p.jobs {
				job()
			}
		}()
	}
}

func main() {
	each := flag.Int("each", 3, "goroutines of each kind")
	depth := flag.Int("depth", 200, "frames below which the deep ones wait")
	dead := flag.Int("dead", 50, "goroutines that have ended")
	profile := flag.String("profile", "", "file to write the goroutine profile to")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "waits:", err, flag.Args())
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	locked.Lock()
	pending.Add(1)
	full <- 0
	from, to, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	kinds := []func(){receiver, sender, chooser, sleeper, locker, signaled, waiter, func() { reader(from) }, forever}
	for i := 0; i < *each; i++ {
		for _, kind := range kinds {
			ready.Add(1)
			go kind()
		}
		ready.Add(1)
		go deep(*depth)
	}
	ready.Add(*each)
	(&pool{jobs: make(chan func())}).start(*each)
	ready.Add(1)
	labels := pprof.Labels("tenant", "blue", "job", "import")
	go func() { pprof.Do(context.Background(), labels, func(context.Context) { receiver() }) }()
	var ended sync.WaitGroup
	for i := 0; i < *dead; i++ {
		ended.Add(1)
		go ended.Done()
	}
	ended.Wait()
	ready.Wait()
	settle()
	runtime.GC() // from now on each has waited since then
	runtime.GC()
	settle()
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			panic(err)
		}
		pprof.Lookup("goroutine").WriteTo(file, 1)
		file.Close()
	}
	last.Words(ending, false)
	to.Close()
}

// settle gives the others the time to wait, where they only have to call what waits.
func settle() {
	for i := 0; i < 100; i++ {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Millisecond)
}
