//go:build cgo

package main

/*
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t all;

// Blocks that are smaller than what malloc maps apart.
static void *allocate(void *blocks)
{
	for (long i = 0; i < (long)blocks; i++)
		memset(malloc(64 << 10), 1, 64 << 10);
	pthread_barrier_wait(&all);
	for (;;)
		pause();
}

// Uses so much of its stack.
static void *deep(void *bytes)
{
	volatile char *here = __builtin_alloca((size_t)bytes);

	for (long i = 0; i < (long)bytes; i += 4096)
		here[i] = 1;
	pthread_barrier_wait(&all);
	for (;;)
		pause();
}

static int start(int threads, void *(*work)(void *), long argument)
{
	pthread_t thread;

	pthread_barrier_init(&all, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		int failed = pthread_create(&thread, NULL, work, (void *)argument);

		if (failed)
			return failed;
	}
	pthread_barrier_wait(&all);
	return 0;
}

static int mallocs(int threads, long blocks) { return start(threads, allocate, blocks); }
static int stacks(int threads, long bytes) { return start(threads, deep, bytes); }
*/
import "C"

import "syscall"

func init() {
	modes["malloc"] = func() error { return failed(C.mallocs(8, 320)) }   // 160 MiB
	modes["threads"] = func() error { return failed(C.stacks(150, mib)) } // 150 MiB
}

func failed(number C.int) error {
	if number != 0 {
		return syscall.Errno(number)
	}
	return nil
}
