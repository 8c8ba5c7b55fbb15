//go:build cgo

// Command c-heap uses a library in C, which allocates in 8 threads by malloc and keeps 160 MiB. Go's runtime knows
// nothing of them: MemStats and heap profiles are small, and RSS is large.
package main

/*
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t all;

// Blocks that are smaller than what malloc maps apart.
static void *keep(void *nothing)
{
	for (int i = 0; i < 320; i++)
		memset(malloc(64 << 10), 1, 64 << 10);
	pthread_barrier_wait(&all);
	for (;;)
		pause();
}

static int start(int threads)
{
	pthread_t thread;
	int failed = pthread_barrier_init(&all, NULL, threads + 1);

	for (int i = 0; i < threads && !failed; i++)
		failed = pthread_create(&thread, NULL, keep, NULL);
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
	if failed := C.start(8); failed != 0 {
		state.Skip(syscall.Errno(failed).Error())
	}
	state.Wait()
}
