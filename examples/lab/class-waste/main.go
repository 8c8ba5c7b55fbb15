// Command class-waste is a server whose sessions are all of one type, of 480 bytes. At the peak there were 300,000, and
// one of 12 is still there, spread over all the spans of this size class. The free slots between them can only
// serve new sessions, and no other object: the memory is lost until sessions come back.
package main

import (
	"runtime"
	"runtime/debug"

	"gospan.example/lab/state"
)

type session struct {
	user  *session
	state [59]uint64
}

var sessions map[int]*session

func main() {
	state.Start()
	peak()
	debug.FreeOSMemory() // what the runtime does by itself, some time later
	runtime.GC()
	state.Wait()
}

// peak has all sessions at once, and one of 12 stays.
func peak() {
	all := make([]*session, 300000)
	for i := range all {
		all[i] = new(session)
		all[i].state[0] = 1
	}
	sessions = map[int]*session{}
	for i := 0; i < len(all); i += 12 {
		sessions[i] = all[i]
	}
}
