// Command plugged has a plugin allocate, prints its own MemStats and dies.
//
// Usage: plugged -plugin FILE -end abort
package main

import (
	"flag"
	"fmt"
	"os"
	"plugin"
	"runtime"

	"gospan.example/frag/last"
)

func main() {
	file := flag.String("plugin", "", "the plugin")
	end := flag.String("end", "abort", "abort, sleep or exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	loaded, err := plugin.Open(*file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	grow, err := loaded.Lookup("Grow")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	grow.(func(int, int))(5000, 200)
	runtime.GC()
	runtime.GC()
	last.Words(ending, false)
}
