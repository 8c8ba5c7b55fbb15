// Command loads keeps objects of its own, has a library allocate that brings a Go runtime of its own, prints the
// MemStats of its own runtime and dies.
//
// Usage: loads -library FILE -own BYTES -foreign BYTES -end abort
package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

static int grow(const char *path, int objects, int size) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int (*grow)(int, int) = library ? (int (*)(int, int))dlsym(library, "grow") : NULL;

	return grow ? grow(objects, size) : -1;
}
*/
import "C"

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"gospan.example/frag/last"
)

const size = 1 << 16

var kept [][]byte

func main() {
	file := flag.String("library", "", "the library")
	own := flag.Int("own", 1<<20, "bytes to keep")
	foreign := flag.Int("foreign", 1<<20, "bytes that the library is to keep")
	end := flag.String("end", "abort", "abort, sleep or exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for i := 0; i < *own/size; i++ {
		kept = append(kept, make([]byte, size))
	}
	path := C.CString(*file)
	if C.grow(path, C.int(*foreign/size), size) < 0 {
		fmt.Fprintln(os.Stderr, "no Go library in", *file)
		os.Exit(1)
	}
	C.free(unsafe.Pointer(path))
	runtime.GC()
	runtime.GC()
	last.Words(ending, false)
}
