//go:build !go1.21

package main

// pinOne does nothing: there is no Pinner.
func pinOne(int) {}
