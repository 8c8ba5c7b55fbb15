//go:build !go1.24

package main

// addMore does nothing: there are no cleanups and no weak pointers.
func addMore(int) {}
