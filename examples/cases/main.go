// Command cases shows one memory problem at a time, for the pages beside it: it makes the problem and sleeps.
//
//	cases leak        a map of orders that nobody empties; it grows by 2,000 orders a second
//	cases idle        a spike of 256 MiB that is over: the heap is empty, but the memory is not returned
//	cases stacks      5,000 goroutines that wait for ever, with stacks that once were deep
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// An order takes 144 bytes, which is a size class of its own.
type order struct {
	id    uint64
	lines [17]uint64
}

var (
	orders  = map[uint64]*order{}
	scratch [][]byte
	never   = make(chan struct{})
)

func main() {
	cases := map[string]func(){"leak": leak, "idle": idle, "stacks": stacks}
	run := func() {}
	if len(os.Args) == 2 {
		run = cases[os.Args[1]]
	}
	if len(os.Args) != 2 || run == nil {
		fmt.Fprintln(os.Stderr, "usage: cases leak|idle|stacks")
		os.Exit(2)
	}
	fmt.Println(os.Getpid())
	run()
}

func leak() {
	for id := uint64(0); ; id++ {
		orders[id] = &order{id: id}
		if id >= 100000 && id%100 == 0 {
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func idle() {
	for n := 0; n < 4096; n++ {
		buffer := make([]byte, 64<<10)
		for at := 0; at < len(buffer); at += 4096 {
			buffer[at] = 1 // the kernel gives memory at the first write
		}
		scratch = append(scratch, buffer)
	}
	scratch = nil
	runtime.GC()
	time.Sleep(time.Hour)
}

func stacks() {
	for n := 0; n < 5000; n++ {
		go func() {
			deep(100)
			<-never
		}()
	}
	time.Sleep(time.Hour)
}

// deep makes the stack of its goroutine some 16 KiB large.
func deep(levels int) byte {
	var frame [128]byte
	frame[levels] = byte(levels)
	if levels > 0 {
		frame[0] = deep(levels - 1)
	}
	return frame[0]
}
