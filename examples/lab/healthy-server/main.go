// Command healthy-server is busy: eight workers handle requests, each of which makes 10 to 50 KiB of garbage in
// objects of many sizes. Sessions are replaced all the time, and 20 MiB of them are there. The heap is twice what
// is alive, as GOGC=100 says, and there is nothing to find.
package main

import (
	"math/rand"
	"sync"
	"sync/atomic"
	"time"

	"gospan.example/lab/state"
)

// A session takes 1 KiB.
type session struct {
	user *session
	data [126]uint64
}

var (
	sessions [20 << 10]*session
	lock     sync.Mutex
	handled  int64
	settled  = make(chan bool)
)

func main() {
	state.Start()
	for i := range sessions {
		sessions[i] = newSession()
	}
	for i := 0; i < 8; i++ {
		go work(rand.New(rand.NewSource(int64(i))))
	}
	<-settled
	state.Ready()
	select {}
}

func work(random *rand.Rand) {
	for {
		handle(random)
		if atomic.AddInt64(&handled, 1) == 4000 { // some 120 MiB of garbage
			close(settled)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func handle(random *rand.Rand) {
	var parts [][]byte
	for rest := 10<<10 + random.Intn(40<<10); rest > 0; {
		part := make([]byte, 16+random.Intn(1500))
		parts, rest = append(parts, part), rest-len(part)
	}
	lock.Lock()
	sessions[random.Intn(len(sessions))] = newSession()
	lock.Unlock()
	parts[0] = nil
}

func newSession() *session {
	one := new(session)
	one.data[0] = 1
	return one
}
