// Package state is what the programs of the lab share: they say when they have reached their state, and stay in it
// or end in it.
//
// A program calls one of Wait (it does nothing more), Hold (it does nothing more and keeps its P) and Ready (it
// goes on).
package state

import (
	"flag"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

var (
	abort = false

	// All that is needed at the end is allocated by the linker.
	ready          = []byte("ready\n")
	defaultAction  [64]byte // a struct sigaction of zeros
	allButAbort    = [8]byte{0xff &^ (1 << (syscall.SIGABRT - 1)), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	aMoment, aWeek = syscall.Timespec{Nsec: 20e6}, syscall.Timespec{Sec: 7 * 24 * 3600}
)

// Start reads the command line.
func Start() {
	end := flag.String("end", "wait", "what to do in the state: wait, or abort (die by SIGABRT, for a core)")
	flag.Parse()
	abort = *end == "abort"
	if !abort && *end != "wait" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage:", os.Args[0], "[-end wait|abort]")
		os.Exit(2)
	}
}

// Ready tells that the state is reached, and ends the program there if it shall. It allocates nothing and keeps its P.
func Ready() {
	syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&ready[0])), uintptr(len(ready)))
	if !abort {
		return
	}
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGABRT), uintptr(unsafe.Pointer(&defaultAction)), 0, 8, 0, 0)
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	tid, _, _ := syscall.RawSyscall(syscall.SYS_GETTID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_TGKILL, pid, tid, uintptr(syscall.SIGABRT))
}

// Wait lets the other goroutines and threads come to rest, and is Ready for good.
func Wait() {
	time.Sleep(50 * time.Millisecond)
	if abort {
		keepP()
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&aMoment)), 0, 0) // for the others
	}
	Ready()
	for {
		time.Sleep(time.Hour)
	}
}

// Hold is Ready for good and never lets go of its P, as a loop would that the runtime cannot interrupt.
func Hold() {
	keepP()
	Ready()
	syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&aWeek)), 0, 0, 0)
}

// HoldFor is Hold after so many milliseconds, in which it does not let go of its P either.
func HoldFor(milliseconds int64) {
	keepP()
	pause := syscall.NsecToTimespec(milliseconds * 1e6)
	syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
	Hold()
}

// keepP blocks the signals of this thread, so that the runtime cannot preempt its goroutine.
func keepP() {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&allButAbort)), 0, 8, 0, 0)
}

// Skip ends a program that cannot reach its state here.
func Skip(reason string) {
	fmt.Println("skip:", reason)
	os.Exit(0)
}

// Touch writes to each page: the kernel gives memory at the first write.
func Touch(memory []byte) {
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
}
