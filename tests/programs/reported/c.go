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

static int start(int threads, long blocks)
{
	pthread_t thread;

	pthread_barrier_init(&all, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		int failed = pthread_create(&thread, NULL, allocate, (void *)blocks);

		if (failed)
			return failed;
	}
	pthread_barrier_wait(&all);
	return 0;
}
*/
import "C"

import "syscall"

func init() {
	modes["outside"] = outside
}

// outside has 160 MiB from malloc in 8 threads, and maps 100 MiB itself (golang/go#15848).
func outside() error {
	if number := C.start(8, 320); number != 0 {
		return syscall.Errno(number)
	}
	memory, err := syscall.Mmap(-1, 0, 100<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return err
	}
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	kept = append(kept, memory)
	return nil
}
