// Command idle-retained is a service whose batch of records has come and gone in two steps: first nearly all records of
// the batch died, and a cycle later the few that kept its spans in the heap. All is free now, in long runs. The runtime
// decides by the heap in use at the last cycle how many free pages it keeps, and that was all of the batch. It keeps
// them until another cycle comes, which an idle service has every two minutes only.
package main

import (
	"runtime"

	"gospan.example/lab/state"
)

type record [128]byte

var index []*record

func main() {
	state.Start()
	batch()
	runtime.GC() // the heap goal falls to the minimum, but the spans stay
	index = nil
	runtime.GC() // now the spans are free
	state.Wait()
}

// batch has 150 MiB of records at once; one of each span of 64 stays in the index.
func batch() {
	all := make([]*record, 150<<20/128)
	for i := range all {
		all[i] = new(record)
		all[i][0] = 1
	}
	for i := 0; i < len(all); i += 64 {
		index = append(index, all[i])
	}
}
