// Command live-objects has a map from which nobody deletes. It has grown to 150 MiB and grows by 1 MiB each second.
// Every GC cycle finds more alive than the one before, and no setting of the collector helps.
package main

import (
	_ "net/http/pprof" // as most servers: so the runtime samples what is allocated
	"time"

	"gospan.example/lab/state"
)

type visitor struct {
	referrer *visitor
	pages    [125]uint64
}

var visitors = map[int]*visitor{}

func main() {
	state.Start()
	for id := 0; id < 150<<10; id++ {
		arrive(id)
	}
	state.Ready()
	for id := 150 << 10; ; id++ {
		if arrive(id); id%100 == 0 {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func arrive(id int) {
	visitors[id] = &visitor{referrer: visitors[id/2]}
}
