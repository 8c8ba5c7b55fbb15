// Command dies ends in the way that its argument names: by a throw of the runtime, or by a panic.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
)

type value struct{ number int }

var nothing *value

func main() {
	fmt.Println("{}") // it runs
	switch os.Args[1] {
	case "deadlock":
		var lock sync.Mutex
		lock.Lock()
		lock.Lock()
	case "error":
		panic(fmt.Errorf("cannot open %s: %w", "the ledger", errors.New("no such file")))
	case "text":
		panic("out of patience")
	case "value":
		panic(value{7})
	case "nil":
		fmt.Println(nothing.number)
	case "empty":
		panic("")
	case "number":
		panic(-7)
	case "truth":
		panic(true)
	case "long":
		panic(strings.Repeat("x", 4000))
	case "recovered": // a throw in what recovers from a panic
		defer func() {
			recover()
			var lock sync.Mutex
			lock.Unlock()
		}()
		panic("handled")
	case "repeated":
		defer func() { panic(recover()) }()
		panic(errors.New("the database is gone"))
	case "overtaken":
		defer func() { panic(value{8}) }()
		panic("first")
	case "printed": // and killed by a signal
		println("fatal error: the user has printed this")
		syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	case "again":
		defer func() { panic("while cleaning up") }()
		panic("first")
	}
}
