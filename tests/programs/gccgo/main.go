// Program gccgo is compiled by gccgo, whose runtime is not Go's own: it prints a line, and sleeps or aborts.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

var kept [][]byte

func main() {
	for i := 0; i < 2000; i++ {
		kept = append(kept, make([]byte, 100))
	}
	fmt.Println("{}")
	if len(os.Args) > 2 && os.Args[2] == "abort" {
		syscall.Kill(syscall.Getpid(), syscall.SIGABRT)
	}
	for {
		time.Sleep(time.Second)
	}
}
