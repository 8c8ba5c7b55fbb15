// Package main is a library for programs in C (go build -buildmode=c-shared), with a heap of its own.
package main

import "C"

import "runtime"

var (
	kept  [][]byte
	stats runtime.MemStats
)

// grow keeps so many objects, each of so many bytes, and gives back how many there are then.
//
//export grow
func grow(objects, size C.int) C.int {
	for i := 0; i < int(objects); i++ {
		kept = append(kept, make([]byte, size))
	}
	runtime.GC()
	return C.int(len(kept))
}

// heapAlloc gives back MemStats.HeapAlloc, and allocates nothing.
//
//export heapAlloc
func heapAlloc() C.ulonglong {
	runtime.ReadMemStats(&stats)
	return C.ulonglong(stats.HeapAlloc)
}

func main() {}
