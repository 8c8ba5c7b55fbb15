// Command reported has memory as it was in public reports with more than one cause, and then stands still.
//
// It prints a line when all is there. What it needs of C is in c.go; built without cgo it has the other modes.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

var modes = map[string]func() error{
	"stacks": stacks,
}

func main() {
	mode := flag.String("mode", "stacks", "what to have")
	flag.Parse()
	have := modes[*mode]
	if have == nil {
		fmt.Fprintln(os.Stderr, "reported: no such mode:", *mode)
		os.Exit(2)
	}
	if err := have(); err != nil {
		fmt.Println("skip:", err)
	} else {
		fmt.Println("ready")
	}
	for {
		time.Sleep(time.Hour)
	}
}

var (
	there sync.WaitGroup
	never = make(chan struct{})
)

// stacks has 1,500 goroutines with 64 KiB of stack each, and three with 64 MiB (golang/go#20010).
func stacks() error {
	const many, deep = 1500, 3
	there.Add(many + deep)
	for i := 0; i < many; i++ {
		go wide()
	}
	for i := 0; i < deep; i++ {
		go walk(500_000)
	}
	there.Wait()
	debug.FreeOSMemory() // the stacks that they have outgrown
	return nil
}

//go:noinline
func wide() {
	var buffer [40 << 10]byte
	there.Done()
	<-never
	runtime.KeepAlive(&buffer)
}

//go:noinline
func walk(depth int) byte {
	var line [64]byte
	line[depth%len(line)] = byte(depth)
	if depth == 0 {
		there.Done()
		<-never
		return 0
	}
	return walk(depth-1) + line[depth%7]
}

// kept is what stays alive, for the collector.
var kept [][]byte
