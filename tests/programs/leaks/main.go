// Command leaks starts goroutines that wait, some of them for what nothing can ever bring, and ends like the sample program
// frag: each of the functions forgotten... waits forever, and each of known... does not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"gospan.example/frag/last"
)

var (
	count  = flag.Int("count", 10, "goroutines of each kind")
	end    = flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	stdout = flag.Bool("profile", false, "print the runtime's own profile of leaked goroutines, if it has one")

	global   = make(chan int)
	lock     sync.Mutex
	payloads = 64
)

type guarded struct {
	mutex sync.Mutex
	group sync.WaitGroup
	bytes []byte
}

//go:noinline
func forgottenReceive(c chan *guarded) {
	g := &guarded{bytes: make([]byte, 1000)}
	<-c
	runtime.KeepAlive(g)
}

//go:noinline
func forgottenSend(c chan *guarded) { c <- &guarded{bytes: make([]byte, 1000)} }

//go:noinline
func forgottenSelect(a, b chan int) {
	select {
	case <-a:
	case b <- 1:
	}
}

//go:noinline
func forgottenNil() { <-(chan int)(nil) }

//go:noinline
func forgottenMutex(g *guarded) { g.mutex.Lock() }

//go:noinline
func forgottenGroup(g *guarded) { g.group.Wait() }

// forgottenChain waits for a goroutine that waits forever.
//
//go:noinline
func forgottenChain(c chan int) {
	d := make(chan int)
	go forgottenLink(c, d)
	<-d
}

//go:noinline
func forgottenLink(c, d chan int) { d <- <-c }

//go:noinline
func knownGlobal() { <-global }

//go:noinline
func knownLock() { lock.Lock(); lock.Unlock() }

//go:noinline
func knownTimer() { <-time.After(time.Hour) }

//go:noinline
func knownSleep() { time.Sleep(time.Hour) }

//go:noinline
func knownContext(c context.Context) { <-c.Done() }

// knownChain waits for one that sleeps.
//
//go:noinline
func knownChain() {
	d := make(chan int)
	go func() { time.Sleep(time.Hour); d <- 1 }()
	<-d
}

func main() {
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil {
		fmt.Fprintln(os.Stderr, "leaks:", err)
		os.Exit(2)
	}
	lock.Lock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for i := 0; i < *count; i++ {
		start(ctx)
	}
	time.Sleep(200 * time.Millisecond)
	runtime.GC()
	if *stdout {
		if profile := pprof.Lookup("goroutineleak"); profile != nil {
			profile.WriteTo(os.Stdout, 1)
		}
	}
	last.WordsAtOnce(ending)
	lock.Unlock()
}

//go:noinline
func start(ctx context.Context) {
	go forgottenReceive(make(chan *guarded))
	go forgottenSend(make(chan *guarded))
	go forgottenSelect(make(chan int), make(chan int))
	go forgottenNil()
	locked := &guarded{bytes: make([]byte, payloads)}
	locked.mutex.Lock()
	go forgottenMutex(locked)
	open := &guarded{bytes: make([]byte, payloads)}
	open.group.Add(1)
	go forgottenGroup(open)
	go forgottenChain(make(chan int))
	go knownGlobal()
	go knownLock()
	go knownTimer()
	go knownSleep()
	go knownContext(ctx)
	go knownChain()
}
