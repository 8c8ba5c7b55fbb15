// Command inlined has functions that are inlined, also where goroutines wait, and names what its own code belongs to.
//
// With -frames it prints, for addresses of its text, what runtime.CallersFrames says; they are given, and printed, as
// distances from main.main, so that it does not matter where the loader put the program. With -stacks it writes to a file
// the stacks of all goroutines, as runtime.Stack has them, once all but the main one wait.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"time"
	_ "unsafe" // for linkname

	"gospan.example/frag/last"
)

// expand adds to the last address of a stack those that stand for the calls it is inlined into: runtime/pprof has it so.
//
//go:linkname expand runtime/pprof.runtime_expandFinalInlineFrame
func expand(stack []uintptr) []uintptr

func main() {
	frames := flag.String("frames", "", "FIRST,END,STEP: print what is at these addresses, and end")
	stacks := flag.String("stacks", "", "file to write the stacks of all goroutines to")
	end := flag.String("end", "abort", "how to end: abort (dumps core), sleep, exit")
	flag.Parse()
	ending, err := last.ParseEnd(*end)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "inlined:", err, flag.Args())
		os.Exit(2)
	}
	if *frames != "" {
		printFrames(*frames)
		return
	}
	start()
	if *stacks != "" {
		text := make([]byte, 1<<20)
		if err := os.WriteFile(*stacks, text[:runtime.Stack(text, true)], 0o600); err != nil {
			panic(err)
		}
	}
	last.Words(ending, false)
}

func printFrames(asked string) {
	var numbers []int
	for _, word := range strings.Split(asked, ",") {
		number, err := strconv.Atoi(word)
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, number)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	base := reflect.ValueOf(main).Pointer()
	for at := numbers[0]; at < numbers[1]; at += numbers[2] {
		printAt(out, at, base+uintptr(at))
	}
}

// printAt prints what the instruction at pc belongs to, the innermost call first, unless it is the last one of its function:
// a stack has the address behind a call, and that one belongs to another.
func printAt(out *bufio.Writer, at int, pc uintptr) {
	function, behind := runtime.FuncForPC(pc), runtime.FuncForPC(pc+1)
	if function == nil || behind == nil || function.Entry() != behind.Entry() {
		return
	}
	fmt.Fprint(out, at)
	frames := runtime.CallersFrames(expand([]uintptr{pc + 1}))
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		fmt.Fprintf(out, "\t%s\t%s\t%d", frame.Function, frame.File, frame.Line)
	}
	fmt.Fprintln(out)
}

// settle gives the others the time to wait, where they only have to call what waits.
func settle() {
	for i := 0; i < 100; i++ {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Millisecond)
}
