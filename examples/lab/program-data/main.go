// Command program-data has a table of 100 MiB as a package variable. It is neither in the heap nor in any figure of
// runtime.MemStats, and no garbage collection gives it back.
package main

import "gospan.example/lab/state"

var table [100 << 20]byte

func main() {
	state.Start()
	state.Touch(table[:])
	state.Wait()
}
