//go:build !goexperiment.arenas

package main

// makeArena does nothing without GOEXPERIMENT=arenas.
func makeArena() {}
