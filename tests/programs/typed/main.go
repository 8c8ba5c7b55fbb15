// Command typed makes objects of many types, prints the address of each with its type as a line of JSON, and ends like the
// sample program frag.
//
// Only the slice kept is a root: interfaces in it hold one object of each structure, and the others hang on that one.
package main

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"gospan.example/frag/last"
)

var (
	kept    []any
	planted []plant
	// inferred are objects that only a variable without a type leads to.
	inferred []plant
	shared   sync.Map
	list     = flag.Int("list", 30000, "links of each list")
)

// plant is an object: where it is, what its type is called, and whether several values may share its slot.
type plant struct {
	address uintptr
	name    string
	small   bool
}

type link struct {
	next  *link
	value int
}

// even and odd make a list of two types; odd is of the size class and has the pointers of link's neighbours.
type even struct {
	number int
	next   *odd
	text   string
}

type odd struct {
	next *even
	back *even
	rest [3]int
}

type ring struct {
	forth, back *ring
	any         any
	shape       shape
}

type shape interface{ area() int }

type square struct{ side *int }

func (s *square) area() int { return *s.side }

type dot struct {
	name string
	x, y int
}

func (d dot) area() int { return len(d.name) }

func (d *dot) move(by int) { d.x += by }

type pair[K comparable, V any] struct {
	key   K
	value V
	next  *pair[K, V]
}

type inner struct {
	first *int
	name  string
}

type outer struct {
	inner
	more  [4]inner
	again *inner
}

type plainData struct {
	numbers [12]float64
	flags   [3]bool
}

type middling struct {
	numbers [100]int
	first   *link
	text    string
}

type huge struct {
	head  [3]uintptr
	cells [3000]struct {
		number uintptr
		object *link
		text   string
	}
}

type holder struct {
	atomic  atomic.Pointer[inner]
	bytes   []byte
	part    []byte
	text    string
	ints    []int
	links   []link
	array   *[5]*link
	names   []string
	anys    []any
	header  *[]string
	string  *string
	any     *any
	data    *plainData
	datas   []plainData
	medium  *middling
	mediums []*middling
	wide    []middling
	large   *huge
	long    []byte
	longer  []int
}

type maps struct {
	byName   map[string]*inner
	numbers  map[int]int
	small    map[uint8]*link
	set      map[string]struct{}
	indirect map[[20]int][20]*int
	inPlace  map[[3]int][2]*int
	nested   map[string]map[int]*link
	slices   map[int][]link
}

type channels struct {
	pointers chan *link
	numbers  chan int
	structs  chan inner
	empty    chan struct{}
}

type functions struct {
	pointer func() int
	number  func() int
	method  func(int)
	byValue func() int
	nothing func() int
}

func note(address uintptr, name string, size uintptr) {
	planted = append(planted, plant{address, name, size < 16})
}

// value notes what p, a pointer, leads to.
func value(p any) {
	v := reflect.ValueOf(p)
	t := v.Type().Elem()
	name := t.String()
	switch t.Kind() {
	case reflect.Slice, reflect.String:
		name += " (header)"
	case reflect.Array:
		name = "[]" + t.Elem().String()
	}
	small := uintptr(16)
	if !pointers(t) {
		small = t.Size()
	}
	note(v.Pointer(), name, small)
}

// elements notes what a slice leads to.
func elements(s any) {
	v := reflect.ValueOf(s)
	t := v.Type().Elem()
	small := uintptr(16)
	if !pointers(t) {
		small = t.Size() * uintptr(v.Cap())
	}
	note(v.Pointer(), "[]"+t.String(), small)
}

func text(s string) {
	note(uintptr(*(*unsafe.Pointer)(unsafe.Pointer(&s))), "string", uintptr(len(s)))
}

// reference notes what a map, a channel or a function leads to.
func reference(m any) {
	v := reflect.ValueOf(m)
	name := v.Type().String()
	if v.Kind() == reflect.Func {
		name = "func " + runtime.FuncForPC(v.Pointer()).Name() + " (closure)"
	}
	note(uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&m))[1]), name, 16)
}

func pointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && pointers(t.Elem())
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			if pointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.String, reflect.UnsafePointer:
		return true
	}
	return false
}

func number(n int) *int {
	p := new(int)
	*p = n
	return p
}

func chain(n int) *link {
	var first *link
	for i := 0; i < n; i++ {
		first = &link{first, i}
		if i%97 == 0 {
			value(first)
		}
	}
	return first
}

func zigzag(n int) *even {
	var first *even
	for i := 0; i < n; i++ {
		o := &odd{next: first}
		first = &even{number: i, next: o, text: fmt.Sprint("even ", i)}
		if i%97 == 0 {
			value(first)
			value(o)
			text(first.text)
		}
	}
	return first
}

func makeLists() {
	kept = append(kept, chain(*list), zigzag(*list))
	r := &ring{}
	r.forth, r.back = r, r
	for i := 0; i < 100; i++ {
		n := &ring{forth: r.forth, back: r}
		r.forth.back, r.forth = n, n
		n.shape = &square{number(i)}
		n.any = dot{fmt.Sprint("dot ", i), i, i}
		if i%3 == 0 {
			n.shape, n.any = dot{fmt.Sprint("dot ", i), i, i}, i+1000
		}
		value(n)
		if s, ok := n.shape.(*square); ok {
			value(s)
			value(s.side)
			note(uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&n.any))[1]), "main.dot", 16)
		}
	}
	kept = append(kept, r)
	var p *pair[string, *pair[int, *link]]
	for i := 0; i < 50; i++ {
		in := &pair[int, *link]{key: i, value: &link{nil, i}}
		p = &pair[string, *pair[int, *link]]{fmt.Sprint("key ", i, " of many"), in, p}
		value(in)
		value(in.value)
		value(p)
		text(p.key)
	}
	kept = append(kept, p)
	for i := 0; i < 20; i++ {
		o := &outer{}
		o.first, o.name = number(i), fmt.Sprint("outer ", i, " is long enough")
		o.more[2].first, o.again = number(i), &o.more[1]
		kept = append(kept, &o.more[3], o)
		value(o)
		value(o.first)
		text(o.name)
	}
}

func makeHolder() {
	h := &holder{}
	h.atomic.Store(&inner{number(1), strings.Repeat("atomic", 10)})
	h.bytes = append([]byte(nil), strings.Repeat("bytes", 30)...)
	long := append([]byte(nil), strings.Repeat("part", 50)...)
	h.part = long[100:]
	h.text = strings.Repeat("text", 20)
	h.ints = make([]int, 30)
	h.links = []link{{nil, 1}, {chain(1), 2}, {nil, 3}}
	h.array = &[5]*link{2: {nil, 1}, 4: {nil, 2}}
	h.names = append(h.names, fmt.Sprint("name ", 1, " and some more"), fmt.Sprint("name ", 2, " and some more"), "")
	h.anys = append(h.anys, 5000, "constant", fmt.Sprint("boxed and made ", 1), &link{nil, 1}, []string{fmt.Sprint("in a slice in an interface ", 1)}, 3.25, nil)
	names, name, anything := []string{fmt.Sprint("behind a header ", 2)}, fmt.Sprint("behind a pointer ", 1), any(&link{nil, 7})
	h.header, h.string, h.any = &names, &name, &anything
	h.data = &plainData{}
	h.datas = make([]plainData, 3)
	h.medium = &middling{first: &link{nil, 1}, text: fmt.Sprint("middling ", 1, " but long enough")}
	for i := 0; i < 10; i++ {
		h.mediums = append(h.mediums, &middling{first: &link{nil, i}})
		value(h.mediums[i])
		value(h.mediums[i].first)
	}
	h.wide = make([]middling, 5)
	h.wide[4].first = &link{nil, 5}
	h.large = &huge{}
	h.large.cells[2999].object = &link{nil, 6}
	h.long, h.longer = make([]byte, 100000), make([]int, 20000)
	kept = append(kept, h)
	for _, p := range []any{h, h.atomic.Load(), h.array, h.array[2], h.header, h.string, h.any, *h.any, h.data, h.medium, h.medium.first, h.wide[4].first, h.large, h.large.cells[2999].object, h.anys[3]} {
		value(p)
	}
	for _, s := range []any{h.bytes, long, h.ints, h.links, h.names, h.anys, h.datas, h.mediums, h.wide, h.long, h.longer, names, h.anys[4]} {
		elements(s)
	}
	for _, s := range []string{h.text, h.names[0], h.names[1], h.anys[2].(string), names[0], name, h.medium.text, h.atomic.Load().name} {
		text(s)
	}
}

func makeMaps() {
	for _, count := range []int{1, 8, 20, 700, 5000} {
		m := &maps{map[string]*inner{}, map[int]int{}, map[uint8]*link{}, map[string]struct{}{}, map[[20]int][20]*int{}, map[[3]int][2]*int{}, map[string]map[int]*link{}, map[int][]link{}}
		for i := 0; i < count; i++ {
			key, in := fmt.Sprint("key number ", i, " of a map"), &inner{number(i), ""}
			m.byName[key], m.numbers[i], m.small[uint8(i)], m.set[key] = in, i, &link{nil, i}, struct{}{}
			if i%9 == 0 {
				value(in)
				text(key)
			}
			if i < 100 {
				m.indirect[[20]int{i}] = [20]*int{3: number(i)}
				m.inPlace[[3]int{i}] = [2]*int{number(i), nil}
				m.nested[key] = map[int]*link{i: {nil, i}}
				m.slices[i] = []link{{nil, i}, {&link{nil, i}, i}}
				reference(m.nested[key])
				value(m.nested[key][i])
				elements(m.slices[i])
				value(m.slices[i][1].next)
			}
		}
		for _, l := range m.small {
			value(l)
		}
		kept = append(kept, m)
		value(m)
		for _, each := range []any{m.byName, m.numbers, m.small, m.set, m.indirect, m.inPlace, m.nested, m.slices} {
			reference(each)
		}
	}
}

func makeChannels() {
	c := &channels{make(chan *link, 20), make(chan int, 100), make(chan inner, 7), make(chan struct{})}
	for i := 0; i < 7; i++ {
		l, in := &link{nil, i}, inner{number(i), fmt.Sprint("through a channel ", i)}
		c.pointers <- l
		c.numbers <- i
		c.structs <- in
		value(l)
		text(in.name)
	}
	kept = append(kept, c)
	value(c)
	for _, each := range []any{c.pointers, c.numbers, c.structs, c.empty} {
		reference(each)
	}
}

func makeFunctions() {
	for i := 0; i < 20; i++ {
		l, d, n := &link{nil, i}, &dot{fmt.Sprint("dot ", i), i, i}, i
		f := &functions{}
		f.pointer = func() int { return l.value + i }
		f.number = func() int { n++; return n + i }
		f.method = d.move
		f.byValue = dot{"constant", i, i}.area
		f.nothing = func() int { return 1 }
		kept = append(kept, f)
		value(f)
		for _, each := range []any{f.pointer, f.number, f.method, f.byValue} {
			reference(each)
		}
	}
}

func makeSmall() {
	for i := 0; i < 40; i++ {
		a, b, c := new(int8), new(uint32), new(bool)
		kept = append(kept, a, b, c)
		value(a)
		value(b)
		value(c)
	}
}

// makeReflected has objects whose types only package reflect has made.
func makeReflected() {
	fields := []reflect.StructField{
		{Name: "Link", Type: reflect.TypeOf(&link{})},
		{Name: "Made", Type: reflect.TypeOf([7]uint16{})},
	}
	made := reflect.New(reflect.StructOf(fields))
	made.Elem().Field(0).Set(reflect.ValueOf(&link{nil, 1}))
	kept = append(kept, made.Interface())
	note(made.Pointer(), "struct { Link *main.link; Made [7]uint16 }", 16)
	value(made.Elem().Field(0).Interface())
	slice := reflect.MakeSlice(reflect.SliceOf(reflect.ArrayOf(3, reflect.TypeOf(inner{}))), 4, 4)
	kept = append(kept, slice.Interface())
	note(slice.Pointer(), "[][3]main.inner", 16)
}

// nodes returns those of the trie that a sync.Map is since Go 1.24; none before.
func nodes(m *sync.Map) (found []plant) {
	trie := reflect.ValueOf(m).Elem().FieldByName("m")
	if !trie.IsValid() || trie.Kind() != reflect.Struct {
		return nil
	}
	root := trie.FieldByName("root")
	inner := root.Field(0).Type().Elem().Elem()
	var walk func(p unsafe.Pointer)
	walk = func(p unsafe.Pointer) {
		node := reflect.NewAt(inner, p).Elem()
		found = append(found, plant{uintptr(p), inner.String(), false})
		children := node.FieldByName("children")
		for i := 0; i < children.Len(); i++ {
			child := unsafe.Pointer(children.Index(i).FieldByName("v").Pointer())
			if child != nil && *(*bool)(child) {
				found = append(found, plant{uintptr(child), strings.Replace(inner.String(), "indirect[", "entry[", 1), false})
			} else if child != nil {
				walk(child)
			}
		}
	}
	walk(unsafe.Pointer(root.FieldByName("v").Pointer()))
	return found
}

// makeSync has what packages sync and sync/atomic reach by unsafe pointers.
func makeSync() {
	m := &sync.Map{}
	for i := 0; i < 500; i++ {
		l := &link{nil, i}
		m.Store(fmt.Sprint("key number ", i, " of a map"), l)
		if i < 100 {
			shared.Store(i+1000, &link{nil, i})
		}
		value(l)
	}
	planted = append(planted, nodes(m)...)
	inferred = append(inferred, nodes(&shared)...)
	p := &sync.Pool{}
	for i := 0; i < 100; i++ {
		b := make([]byte, 700)
		p.Put(&b)
		value(&b)
		elements(b)
	}
	kept = append(kept, m, p)
	value(m)
	value(p)
}

func written(some []plant) string {
	var b strings.Builder
	for i, p := range some {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `["%#x",%q,%v]`, p.address, p.name, p.small)
	}
	return b.String()
}

func report() string {
	return fmt.Sprintf(`{"planted":[%s],"inferred":[%s]}`+"\n", written(planted), written(inferred))
}

func main() {
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: typed [-list N] [-end abort|sleep|exit]")
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	for _, made := range []func(){makeLists, makeHolder, makeMaps, makeChannels, makeFunctions, makeSmall, makeReflected, makeSync, makeItabs} {
		made()
	}
	runtime.GC()
	os.Stdout.WriteString(report())
	last.WordsAtOnce(ending)
}
