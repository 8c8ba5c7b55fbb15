// Command objects makes one of each structure of objects that a walk from the roots must follow, collects, and ends like
// the sample program frag.
//
// Nothing is allocated on purpose after the last collection, so that allocBits are what it has marked. What a structure
// is made of is in a few sizes that the flags choose.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"time"

	"gospan.example/frag/last"
)

var (
	list   = flag.Int("list", 3000, "links of the list")
	wide   = flag.Int("wide", 10000, "pointers of the slice")
	tree   = flag.Int("tree", 10, "levels of the tree")
	others = flag.Int("others", 500, "objects of each other structure")
	junk   = flag.Int("junk", 1000, "objects that are dropped before the collection")
	since  = flag.Int("since", 0, "objects allocated after the collection, one in two dropped at once")
)

type link struct {
	next  *link
	value int
}

type leaf struct {
	left, right *leaf
	name        string
}

// dense is pointers and nothing else, in a class with a header for each object.
type dense [100]*int

// mixed has pointers far apart, behind words that look like none.
type mixed struct {
	numbers [70]uintptr
	first   *int
	more    [30]uintptr
	last    *link
}

// wordy has a scalar behind the last pointer, in a small class.
type wordy struct {
	first  *int
	number int
	second *int
	bytes  [40]byte
}

type ring struct {
	forth, back *ring
	any         any
}

type pair[K comparable, V any] struct {
	key   K
	value V
	next  *pair[K, V]
}

type shape interface{ area() int }

type square struct{ side *int }

func (s *square) area() int { return *s.side }

type dot struct{ name string }

func (d dot) area() int { return len(d.name) }

// huge is so large that the linker writes no mask of it: up to Go 1.23 a program that makes one, since 1.24 the parts.
type huge struct {
	head  [3]uintptr
	cells [5000]struct {
		number uintptr
		object *int
		text   string
	}
	tail *link
}

// vast is like huge, and is made after the last collection only: since Go 1.24 nobody has asked for its mask yet.
type vast struct {
	number uintptr
	cells  [2][3000]struct {
		number uintptr
		object *link
	}
	one  [1]huge
	last *link
}

var (
	late      *vast
	keptList  *link
	keptWide  []*int
	keptTree  *leaf
	keptDense []*dense
	keptMixed []*mixed
	arrays    [][]mixed
	keptWordy []*wordy
	keptRing  *ring
	byName    map[string]*leaf
	byNumber  map[int]*int
	inPlace   = map[[3]int][2]*int{}
	generics  *pair[string, *pair[int, *link]]
	shapes    []shape
	keptHuge  []*huge
	closures  []func() int
	channel   chan *link
	full      chan [3]*int
	interior  []*int
	bytes     [][]byte
	timers    []*time.Timer
	nothing   []any
)

// objects of the program's own that only the stack of a goroutine, or a special, holds.
func waitHolding(ready chan<- bool, deep int) {
	own := new(dense)
	own[50] = number(deep)
	if deep > 0 {
		waitHolding(ready, deep-1)
	} else {
		ready <- true
		select {}
	}
	runtime.KeepAlive(own)
}

func number(n int) *int {
	p := new(int)
	*p = n
	return p
}

func makeLists() {
	for i := 0; i < *list; i++ {
		keptList = &link{keptList, i}
	}
	keptWide = make([]*int, *wide)
	for i := range keptWide {
		keptWide[i] = number(i)
	}
	keptTree = grown(*tree)
}

func grown(levels int) *leaf {
	if levels == 0 {
		return nil
	}
	return &leaf{grown(levels - 1), grown(levels - 1), fmt.Sprint("level ", levels)}
}

func makeBlocks() {
	for i := 0; i < *others; i++ {
		d := new(dense)
		for j := range d {
			d[j] = number(j)
		}
		m := &mixed{first: number(i), last: &link{nil, i}}
		m.numbers[3] = 1
		keptDense, keptMixed = append(keptDense, d), append(keptMixed, m)
		keptWordy = append(keptWordy, &wordy{first: number(i), second: number(i)})
		block := make([]wordy, 3)
		block[2].second = number(i)
		interior = append(interior, (*int)(&block[1].number))
		bytes = append(bytes, make([]byte, 10+i))
	}
	for i := 1; i < 20; i++ {
		some := make([]mixed, 3*i)
		some[i].last = &link{nil, i}
		some[3*i-1].first = number(i)
		arrays = append(arrays, some)
	}
	for i := 0; i < 3; i++ {
		h := &huge{tail: &link{nil, i}}
		h.cells[4999].object = number(i)
		h.cells[i].text = fmt.Sprint("cell ", i)
		keptHuge = append(keptHuge, h)
	}
}

func makeRing() {
	keptRing = &ring{}
	keptRing.forth, keptRing.back = keptRing, keptRing
	for i := 0; i < *others; i++ {
		r := &ring{forth: keptRing.forth, back: keptRing}
		r.forth.back, keptRing.forth = r, r
		r.any = &square{number(i)}
	}
}

func makeMaps() {
	byName, byNumber = map[string]*leaf{}, map[int]*int{}
	for i := 0; i < *others; i++ {
		byName[fmt.Sprint("name ", i)] = &leaf{name: fmt.Sprint("leaf ", i)}
		byNumber[i] = number(i)
		inPlace[[3]int{i}] = [2]*int{number(i), number(-i)}
	}
	for i := 0; i < *others; i += 3 {
		delete(byNumber, i)
	}
}

func makeTyped() {
	for i := 0; i < *others; i++ {
		inner := &pair[int, *link]{key: i, value: &link{nil, i}}
		generics = &pair[string, *pair[int, *link]]{fmt.Sprint(i), inner, generics}
		shapes = append(shapes, &square{number(i)}, dot{fmt.Sprint("dot ", i)})
		held := &link{nil, i}
		closures = append(closures, func() int { return held.value })
		nothing = append(nothing, i+1000, fmt.Sprint(i))
	}
	channel, full = make(chan *link, *others), make(chan [3]*int, *others)
	for i := 0; i < *others; i++ {
		channel <- &link{nil, i}
		full <- [3]*int{1: number(i)}
	}
	for i := 0; i < 20; i++ {
		held := &link{nil, i}
		timers = append(timers, time.AfterFunc(time.Hour, func() { held.value++ }))
	}
}

// makeSpecials has objects with a finalizer, one in two of them dropped, each with another that only it points to.
func makeSpecials() {
	for i := 0; i < *others; i++ {
		object := &ring{any: &link{nil, i}}
		runtime.SetFinalizer(object, func(*ring) { select {} })
		if i%2 == 0 {
			nothing = append(nothing, object)
		}
		addMore(i)
		pinOne(i)
	}
}

func dropSome() {
	var dropped *leaf
	for i := 0; i < *junk; i++ {
		dropped = &leaf{left: dropped, name: fmt.Sprint("dropped ", i)}
	}
	nothing = append(nothing, dropped.name)
}

func main() {
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: objects [-list N] [-wide N] [-tree N] [-others N] [-junk N] [-since N] [-end abort|sleep|exit]")
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	ready := make(chan bool)
	for i := 0; i < 20; i++ {
		go waitHolding(ready, i)
		<-ready
	}
	for _, made := range []func(){makeLists, makeBlocks, makeRing, makeMaps, makeTyped, makeSpecials, makeArena, dropSome} {
		made()
	}
	sort.Slice(keptWide[:10], func(i, j int) bool { return *keptWide[i] > *keptWide[j] })
	for i := 0; i < 2; i++ {
		runtime.GC()                      // what it finds to be finalized, the next one marks again
		time.Sleep(20 * time.Millisecond) // for goroutines of the runtime: what they allocate while a cycle marks, it keeps
	}
	runtime.GC()
	if *since > 0 {
		late = &vast{last: &link{nil, 1}}
		late.cells[0][0].object, late.cells[1][2999].object = &link{nil, 2}, &link{nil, 3}
		late.one[0].tail = &link{nil, 4}
		late.one[0].cells[4000].object = number(5000)
	}
	for i := 0; i < *since; i++ {
		fresh := &link{nil, i}
		if i%2 == 0 {
			keptList = &link{keptList, i}
			keptList.next = &link{keptList.next, i}
			fresh = nil
		}
		nothing[0] = fresh
	}
	last.WordsAtOnce(ending)
}
