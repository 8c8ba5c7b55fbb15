// Command returned-resident runs with GODEBUG=madvdontneed=0, which was the default from Go 1.12 to 1.15 and is
// still in many start scripts. The runtime has returned the memory of a burst, but by MADV_FREE: the kernel takes
// the pages when it needs them, and counts them as resident until then. RSS stays high though the heap is small.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"gospan.example/lab/state"
)

const setting = "madvdontneed=0"

func main() {
	state.Start()
	if !strings.Contains(os.Getenv("GODEBUG"), setting) { // as a start script would
		os.Setenv("GODEBUG", strings.Trim(os.Getenv("GODEBUG")+","+setting, ","))
		program, err := os.Executable()
		if err == nil {
			err = syscall.Exec(program, os.Args, os.Environ())
		}
		state.Skip(err.Error())
	}
	burst()
	debug.FreeOSMemory()
	state.Wait()
}

// burst needs 160 MiB once.
func burst() {
	var all [][]byte
	for i := 0; i < 160; i++ {
		all = append(all, make([]byte, 1<<20))
		state.Touch(all[i])
	}
	runtime.KeepAlive(all)
}
