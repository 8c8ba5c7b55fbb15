//go:build cgo

// Command c-threads uses a library in C, which has 60 threads that once needed 2 MiB of their stacks. Stacks of threads
// never shrink, and they are no part of Go's memory: MemStats does not count them.
package main

/*
#include <alloca.h>
#include <pthread.h>
#include <unistd.h>

static pthread_barrier_t all;

static void *work(void *nothing)
{
	long size = 2 << 20;
	volatile char *deep = alloca(size);

	for (long i = 0; i < size; i += 4096)
		deep[i] = 1;
	pthread_barrier_wait(&all);
	for (;;)
		pause();
}

static int start(int threads)
{
	pthread_t thread;
	pthread_attr_t attributes;
	int failed = pthread_barrier_init(&all, NULL, threads + 1);

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 8 << 20);
	for (int i = 0; i < threads && !failed; i++)
		failed = pthread_create(&thread, &attributes, work, NULL);
	if (!failed)
		pthread_barrier_wait(&all);
	return failed;
}
*/
import "C"

import (
	"syscall"

	"gospan.example/lab/state"
)

func main() {
	state.Start()
	if failed := C.start(60); failed != 0 {
		state.Skip(syscall.Errno(failed).Error())
	}
	state.Wait()
}
