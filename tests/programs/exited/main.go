// Command exited ends as corners does after so many of its threads have exited: a goroutine that is locked to its
// thread and returns takes the thread along (proc.go, mexit).
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gospan.example/frag/last"
)

func main() {
	exits := flag.Int("threads", 3, "threads that exit")
	first := flag.Bool("first", false, "the first thread, too: its goroutine returns, and it stands idle for good")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "exited:", err, flag.Args())
		os.Exit(2)
	}
	idle(*exits + 8)
	tids := make(chan int)
	var locked, leave sync.WaitGroup
	locked.Add(*exits)
	leave.Add(1)
	for i := 0; i < *exits; i++ {
		go func() {
			runtime.LockOSThread()
			locked.Done()
			leave.Wait()
			tids <- syscall.Gettid()
		}()
	}
	locked.Wait()
	leave.Done()
	for i := 0; i < *exits; i++ {
		for tid := <-tids; isThread(tid); {
			time.Sleep(time.Millisecond)
		}
	}
	if *first {
		go last.Words(ending, false)
		runtime.Goexit()
	}
	last.Words(ending, false)
}

func init() {
	runtime.LockOSThread() // main runs on the first thread
}

// idle makes so many threads that have nothing to do: who exits hands its work to one of them, so that no new one is
// made, which would free the exited.
func idle(n int) {
	var blocked sync.WaitGroup
	blocked.Add(n)
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		panic(err)
	}
	for i := 0; i < n; i++ {
		go func() {
			syscall.Read(ends[0], make([]byte, 1))
			blocked.Done()
		}()
	}
	for threads() < n+2 { // the first thread and sysmon, too
		time.Sleep(time.Millisecond)
	}
	syscall.Write(ends[1], make([]byte, n))
	blocked.Wait()
}

// isThread tells whether the kernel has such a thread of this process.
func isThread(tid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
	return err == nil
}

// threads counts the threads that the kernel has of this process.
func threads() int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	return len(entries)
}
