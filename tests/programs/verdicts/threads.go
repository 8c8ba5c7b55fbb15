//go:build cgo

package main

/*
#include <pthread.h>
#include <unistd.h>

static void doze(void)
{
	for (;;)
		sleep(3600);
}

static void *dozes(void *argument)
{
	doze();
	return argument;
}

static int start_thread(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, dozes, NULL);
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// init keeps the main goroutine on the main thread, to which the kernel gives a signal of the process first.
func init() {
	if strings.Join(os.Args[1:], " ") == "parked" {
		runtime.LockOSThread()
	}
}

// parkThreads starts a thread that Go does not know, and a goroutine that does not come back from C.
func parkThreads() {
	if failed := C.start_thread(); failed != 0 {
		fmt.Fprintln(os.Stderr, "verdicts: pthread_create:", failed)
		os.Exit(2)
	}
	go C.doze()
}

func parkMain() {
	C.doze()
}
