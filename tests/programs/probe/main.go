// Probe is the smallest program that has every type of the runtime that the layout tables are made of.
package main

import "runtime"

func main() {
	p := new([1 << 16]byte)
	runtime.SetFinalizer(p, func(*[1 << 16]byte) {})
	runtime.GC()
	println(runtime.Version(), len(p))
}
