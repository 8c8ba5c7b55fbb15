// Package last lets a program say its last words: it prints runtime.MemStats as
// one line of JSON and ends, and allocates nothing in between, so that a core of
// the program holds exactly the heap that the line describes.
package last

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// An End is what happens after the line is printed.
type End string

const (
	Abort End = "abort" // die by SIGABRT, at once, with a core if the limit allows one
	Sleep End = "sleep" // stand still for ten minutes, so that a debugger can attach
	Exit  End = "exit"  // exit with status 0
)

// ParseEnd returns the End with that name.
func ParseEnd(name string) (End, error) {
	switch end := End(name); end {
	case Abort, Sleep, Exit:
		return end, nil
	}
	return "", errors.New("the end is abort, sleep or exit")
}

// All that is needed after the last ReadMemStats is allocated by the linker.
var (
	stats, before runtime.MemStats
	buffer        [32 << 10]byte // 704 numbers of at most 20 digits, and the names
	defaultAction [64]byte       // a struct sigaction of zeros: the default handler, no flags, no mask
	allSignals    = [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	tenMinutes    = syscall.Timespec{Sec: 600}
	held          [64]unsafe.Pointer // what -cached allocates
)

// Words waits until the runtime has come to rest, prints and ends the program.
//
// With cached it allocates one object of each of some size classes after the
// figures were taken and before they are printed: reading the figures empties the
// caches of the Ps, and a core with full ones is wanted too. The line then says how
// many bytes and objects (CachedBytes, CachedObjects) to add to the figures.
func Words(end End, cached bool) {
	// The background scavenger goes by the heap goal. With a goal this far away it has
	// nothing to do, and no collection starts; switching the GC off would do as well, but
	// then NextGC would say nothing.
	debug.SetGCPercent(1000)
	// The scavenger may only go to sleep, and allocate for that, after two readings are equal.
	settled := false
	for try, equal := 0, 0; try < 400 && !settled; try++ {
		before = stats
		time.Sleep(5 * time.Millisecond) // let other goroutines and threads finish what they do
		runtime.Gosched()                // a new time slice: no preemption between here and the end
		runtime.ReadMemStats(&stats)
		if equal++; stats != before {
			equal = 0
		}
		settled = equal == 10
	}
	finish(end, cached, settled)
}

// WordsAtOnce does the same without letting any other goroutine run. Reading the
// figures changes them a little (it empties caches), so it reads them until they stay.
func WordsAtOnce(end End) {
	settled := false
	for try := 0; try < 10 && !settled; try++ {
		before = stats
		runtime.ReadMemStats(&stats)
		settled = stats == before
	}
	finish(end, false, settled)
}

func finish(end End, cached, settled bool) {
	var bytes, objects uint64
	if cached {
		bytes, objects = fillCache()
	}
	b := append(buffer[:0], `{"Version":"`...)
	b = append(b, runtime.Version()...)
	b = append(b, `","Settled":`...)
	b = strconv.AppendBool(b, settled)
	b = number(b, "CachedBytes", bytes)
	b = number(b, "CachedObjects", objects)
	b = memStats(b, &stats)
	b = append(b, "}\n"...)
	// Raw system calls: the scheduler does not hear of them, so it starts no thread and no
	// goroutine because of them.
	for len(b) > 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if errno == 0 {
			b = b[n:]
		} else if errno != syscall.EINTR && errno != syscall.EAGAIN {
			exit(1)
		}
	}
	switch end {
	case Abort:
		abort()
	case Sleep:
		sleep()
	}
	exit(0)
}

// abort dies without the runtime's signal handler, which would print the stacks of
// all goroutines while the rest of the program goes on. Those threads that the last
// reading of the figures has woken go to sleep first.
func abort() {
	Rest(400)
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGABRT), uintptr(unsafe.Pointer(&defaultAction)), 0, 8, 0, 0)
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	tid, _, _ := syscall.RawSyscall(syscall.SYS_GETTID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_TGKILL, pid, tid, uintptr(syscall.SIGABRT))
}

// sleep stands still: with every signal blocked on this thread the runtime cannot
// preempt it, and its P stays with it.
func sleep() {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&allSignals)), 0, 8, 0, 0)
	syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&tenMinutes)), 0, 0, 0)
}

func exit(status uintptr) {
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0)
}

// fillCache allocates objects that fill a slot of their size class exactly.
func fillCache() (bytes, objects uint64) {
	for i, size := range []int{16, 32, 48, 64, 96, 128, 256, 512, 1024, 2048, 4096, 8192, 16384} {
		noscan := make([]byte, size)
		held[2*i] = unsafe.Pointer(&noscan[0])
		bytes += uint64(size)
		objects++
		if size > 512 { // since Go 1.22 a header of 8 bytes would move it to the next class
			continue
		}
		scan := make([]*byte, size/8)
		held[2*i+1] = unsafe.Pointer(&scan[0])
		bytes += uint64(size)
		objects++
	}
	return bytes, objects
}
