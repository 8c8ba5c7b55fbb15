// Command stranded allocates at a few lines, each of which keeps spans in another way, and notes the addresses of what is
// alive of each: who reads the program can be held against them.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"unsafe"

	"gospan.example/frag/last"
)

type session struct {
	next *session
	name [8]byte // of who allocated it: a word on a stack that nobody will use again may keep one more
	data [80]byte
}

type record struct {
	key, value *record
	name       [8]byte
	data       [24]byte
}

var (
	rate    = flag.Int("rate", -1, "MemProfileRate; -1 leaves it as it is")
	burst   = flag.Int("burst", 50_000, "sessions at once, of which one in 25 stays")
	dense   = flag.Int("dense", 10_000, "records, which all stay")
	huge    = flag.Int("huge", 8, "large buffers")
	since   = flag.Int("since", 50, "records after the last collection, which nothing keeps")
	unswept = flag.Bool("unswept", false, "let go of every second record, and end when a collection has found that and nothing is swept")
	usual   = flag.Bool("usual", false, "end with GOGC=100, and without the records after the last collection")
	end     = flag.String("end", "abort", "how to end: abort, sleep or exit")

	all      *session
	sessions []*session
	records  []*record
	buffers  [][]byte
	cycles   debug.GCStats
)

var (
	keeps   = [8]byte{'s', 'e', 's', 's', 'i', 'o', 'n', 's'}
	indexes = [8]byte{'r', 'e', 'c', 'o', 'r', 'd', 's', '!'}
	later   = [8]byte{'l', 'a', 't', 'e', 'o', 'n', 'e', 's'}
)

// What is alive, by the line that allocated it; what is dead and not swept has an address of 0.
var (
	Sessions, Records, Loaded, Greeted, Late []uintptr
)

//go:noinline
func keep(next *session) *session { return &session{next: next, name: keeps} }

//go:noinline
func index() *record { return &record{name: indexes} }

func inner(n int) []byte { return make([]byte, n) } // inlined into the next two

//go:noinline
func load(n int) []byte { return inner(n) }

//go:noinline
func greet(n int) []byte { return inner(n) }

//go:noinline
func afterwards() *record { return &record{name: later} }

func serve() {
	for i := 0; i < *burst; i++ {
		all = keep(all)
		if i%25 == 0 {
			sessions = append(sessions, all)
			Sessions = append(Sessions, uintptr(unsafe.Pointer(all)))
		}
	}
	for _, each := range sessions {
		each.next = nil
	}
	all = nil
}

//go:noinline
func work() {
	sessions, Sessions = make([]*session, 0, *burst/25+1), make([]uintptr, 0, *burst/25+1)
	records, Records = make([]*record, 0, *dense), make([]uintptr, 0, *dense)
	Late = make([]uintptr, 0, *since)
	debug.SetGCPercent(-1) // what the begin of a cycle allocates, a sudog say, has the stack of the allocation that began it
	serve()
	for i := 0; i < *dense; i++ {
		records = append(records, index())
		Records = append(Records, uintptr(unsafe.Pointer(records[i])))
	}
	for i := 0; i < *huge; i++ {
		buffers = append(buffers, load(100_000+10_000*i))
		Loaded = append(Loaded, uintptr(unsafe.Pointer(&buffers[len(buffers)-1][0])))
	}
	for i := 0; i < 100; i++ {
		buffers = append(buffers, greet(48))
		Greeted = append(Greeted, uintptr(unsafe.Pointer(&buffers[len(buffers)-1][0])))
	}
	debug.SetGCPercent(100)
}

// clean overwrites what work has left on the stack, where a word keeps an object.
//
//go:noinline
func clean() int {
	var words [1024]int
	for i := range words {
		words[i] = i
	}
	return words[os.Getpid()%len(words)]
}

// drop lets go of every second record, has that found, and returns before anything is swept.
func drop() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(100)
	debug.ReadGCStats(&cycles)
	for i := 0; i < len(records); i += 2 {
		records[i], Records[i] = nil, 0
	}
	for before := cycles.NumGC; cycles.NumGC == before; debug.ReadGCStats(&cycles) {
		buffers = append(buffers, make([]byte, 16<<10))
	}
	debug.SetGCPercent(-1)
}

// setRate changes how much is sampled. Until Go 1.23 a P takes its next sample when it was to do so before; here only one.
func setRate(rate int) {
	runtime.MemProfileRate = rate
	for i := 0; i < 16; i++ {
		buffers = append(buffers[:0], make([]byte, 1<<20))
	}
	buffers = nil
}

func main() {
	flag.Parse()
	if *rate >= 0 {
		setRate(*rate)
	}
	ending, err := last.ParseEnd(*end)
	if err != nil || pprof.Lookup("heap") == nil { // what is not used is turned off by the linker
		fmt.Fprintln(os.Stderr, "stranded:", err)
		os.Exit(2)
	}
	work()
	clean()
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	if *unswept {
		drop()
		last.WordsAtOnce(ending)
	}
	if *usual {
		debug.SetGCPercent(100)
		last.WordsAtOnce(ending)
	}
	for i := 0; i < *since; i++ {
		Late = append(Late, uintptr(unsafe.Pointer(afterwards())))
	}
	last.Words(ending, false)
}
