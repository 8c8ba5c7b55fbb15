package main

import "sync"

var (
	never  = make(chan int)
	locked sync.Mutex
	total  int
)

// receive is inlined into twice, and that into each of the goroutines' functions.
func receive(from chan int) int { return <-from }

func twice(from chan int) int { return receive(from) + receive(from) }

//go:noinline
func waiter() { total += twice(never) }

// locker waits in a function of the library that Lock, which is inlined, calls.
//
//go:noinline
func locker() { locked.Lock() }

// A box is embedded, so that the compiler makes methods of what embeds it, into which those of box are inlined.
type box struct{ from chan int }

func (b box) wait() int { return receive(b.from) }

type outer struct {
	name string
	box
}

type waits interface{ wait() int }

//go:noinline
func caller(what waits) { total += what.wait() }

// wait is inlined once for each type argument that has another shape.
func wait[T int | string](_ T, from chan int) int { return receive(from) }

//go:noinline
func generic() { total += wait("", never) + wait(0, never) }

// guarded has a method Lock that the compiler makes, and into which that of the mutex is inlined.
type guarded struct {
	name string
	sync.Mutex
}

var taken guarded

//go:noinline
func lock(what sync.Locker) { what.Lock() }

func start() {
	locked.Lock()
	taken.Lock()
	embedded := outer{"outer", box{never}}
	for _, each := range []func(){waiter, locker, generic, func() { caller(embedded) }, func() { lock(&taken) }} {
		go each()
	}
	settle()
}
