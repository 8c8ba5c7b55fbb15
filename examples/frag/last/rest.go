package last

import (
	"bytes"
	"syscall"
	"unsafe"
)

// What the kernel says of the threads; allocated by the linker, as in last.go.
var (
	taskFolder  = []byte("/proc/self/task\x00")
	entries     [32 << 10]byte // struct linux_dirent64, one after another
	path        [64]byte
	stat        [512]byte
	millisecond = syscall.NsecToTimespec(1_000_000)
)

// Rest waits until all other threads sleep, in three looks one after another, and
// for no more than that many milliseconds. It allocates nothing, and it keeps its
// P: to let go of it would wake another thread.
func Rest(milliseconds int) {
	for quiet := 0; quiet < 3 && milliseconds > 0; milliseconds-- {
		if quiet++; awake() > 1 {
			quiet = 0
		}
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&millisecond)), 0, 0)
	}
}

// awake counts the threads that the kernel does not have asleep: this one is.
func awake() int {
	folder := open(taskFolder)
	defer closed(folder)
	found := 0
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_GETDENTS64, folder, uintptr(unsafe.Pointer(&entries[0])), uintptr(len(entries)))
		if errno != 0 || n == 0 || n > uintptr(len(entries)) {
			return found
		}
		for at := 0; at < int(n); {
			length := int(entries[at+16]) | int(entries[at+17])<<8 // d_reclen
			name := entries[at+19 : at+length]                     // d_name
			name = name[:bytes.IndexByte(name, 0)]
			if name[0] != '.' && !asleep(name) {
				found++
			}
			at += length
		}
	}
}

// asleep tells whether the thread of this process waits for something (state S or, for the disk, D).
func asleep(tid []byte) bool {
	b := append(path[:0], taskFolder[:len(taskFolder)-1]...)
	b = append(b, '/')
	b = append(b, tid...)
	b = append(b, "/stat\x00"...)
	file := open(b)
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, file, uintptr(unsafe.Pointer(&stat[0])), uintptr(len(stat)))
	closed(file)
	if errno != 0 || n > uintptr(len(stat)) {
		return true // it has just ended
	}
	text := stat[:n]
	at := bytes.LastIndexByte(text, ')')
	return at >= 0 && at+2 < len(text) && (text[at+2] == 'S' || text[at+2] == 'D')
}

func open(name []byte) uintptr {
	here := -100 // AT_FDCWD; not every architecture has open
	file, _, _ := syscall.RawSyscall6(syscall.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(&name[0])), 0, 0, 0, 0)
	return file
}

func closed(file uintptr) {
	syscall.RawSyscall(syscall.SYS_CLOSE, file, 0, 0)
}
