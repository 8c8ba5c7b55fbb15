// Command stranded allocates at a few lines of which each keeps spans in another way, and tells what it has kept: addresses
// of objects by the line that allocated them, so that who reads the process can be held against it.
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
	data [88]byte
}

type record struct {
	key, value *record
	data       [32]byte
}

var (
	rate  = flag.Int("rate", 0, "MemProfileRate; 0 leaves it as it is")
	burst = flag.Int("burst", 100_000, "sessions at once, of which one in 25 stays")
	dense = flag.Int("dense", 20_000, "records, which all stay")
	huge  = flag.Int("huge", 8, "large buffers")
	since = flag.Int("since", 50, "records that are kept or dropped after the last collection, by turns")
	quiet = flag.Bool("quiet", false, "tell no addresses")
	end   = flag.String("end", "abort", "how to end: abort, sleep or exit")

	all      *session
	sessions []*session
	records  []*record
	buffers  [][]byte
	late     []*record
	texts    [][]byte
)

//go:noinline
func keep(next *session) *session { return &session{next: next} } // strands most

//go:noinline
func index() *record { return &record{} }

// inner is inlined into its callers.
func inner(n int) []byte { return make([]byte, n) }

//go:noinline
func load(n int) []byte { return inner(n) }

//go:noinline
func greet(n int) []byte { return inner(n) }

//go:noinline
func afterwards() *record { return &record{} }

func serve() {
	for i := 0; i < *burst; i++ {
		all = keep(all)
		if i%25 == 0 {
			sessions = append(sessions, all)
		}
	}
	for _, each := range sessions {
		each.next = nil
	}
	all = nil
}

func work() {
	sessions = make([]*session, 0, *burst/25+1)
	records = make([]*record, 0, *dense)
	late = make([]*record, 0, *since)
	serve()
	for i := 0; i < *dense; i++ {
		records = append(records, index())
	}
	for i := 0; i < *huge; i++ {
		buffers = append(buffers, load(100_000+10_000*i))
	}
	for i := 0; i < 100; i++ {
		texts = append(texts, greet(48))
	}
}

// A place prints the addresses of what a line has allocated.
func tell(line string, addresses ...uintptr) {
	fmt.Print(line)
	for _, each := range addresses {
		fmt.Printf(" %x", each)
	}
	fmt.Println()
}

func tellAll() {
	var found [5][]uintptr
	for _, each := range sessions {
		found[0] = append(found[0], uintptr(unsafe.Pointer(each)))
	}
	for _, each := range records {
		found[1] = append(found[1], uintptr(unsafe.Pointer(each)))
	}
	for _, each := range buffers {
		found[2] = append(found[2], uintptr(unsafe.Pointer(&each[0])))
	}
	for _, each := range texts {
		found[3] = append(found[3], uintptr(unsafe.Pointer(&each[0])))
	}
	for _, each := range late {
		found[4] = append(found[4], uintptr(unsafe.Pointer(each)))
	}
	for i, line := range []string{"main.keep", "main.index", "main.load", "main.greet", "main.afterwards"} {
		tell(line, found[i]...)
	}
	fmt.Println("told")
}

func main() {
	flag.Parse()
	if *rate > 0 {
		runtime.MemProfileRate = *rate
	}
	ending, err := last.ParseEnd(*end)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stranded:", err)
		os.Exit(2)
	}
	work()
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	for i := 0; i < *since; i++ {
		if each := afterwards(); i%2 == 0 {
			late = append(late, each)
		}
	}
	if pprof.Lookup("heap") == nil { // which keeps the profile on
		os.Exit(2)
	}
	if !*quiet {
		tellAll()
	}
	last.Words(ending, false)
}
