//go:build !goexperiment.arenas

package main

func arenas() {}
