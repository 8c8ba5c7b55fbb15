// Command sparse-spans is a server after a burst: a million requests of many sizes were in memory at once, and one of
// 20 became a session that stays. Each span (a run of pages with slots of one size) still holds a session or two, so
// it stays in the heap. Live objects are few, and RSS stays near the peak; no single size class is to blame.
package main

import (
	"runtime"
	"runtime/debug"

	"gospan.example/lab/state"
)

// A request is what came in; requests are a list, the newest first.
type request struct {
	next *request
	body []byte
}

var sessions []*request

func main() {
	state.Start()
	burst()
	debug.FreeOSMemory() // what the runtime does by itself, some time later
	runtime.GC()
	state.Wait()
}

// burst holds all requests at once: 10 body sizes with equal bytes each.
func burst() {
	const each = 15 << 20
	var all *request
	var number int
	for _, size := range []int{48, 64, 96, 112, 128, 160, 192, 224, 256, 288} {
		for got := 0; got < each; got += size {
			all = &request{all, make([]byte, size)}
			all.body[0] = 1
			if number++; number%20 == 0 {
				sessions = append(sessions, &request{nil, append([]byte(nil), all.body...)})
			}
		}
	}
	runtime.KeepAlive(all)
}
