//go:build !cgo

package main

import "gospan.example/lab/state"

func main() {
	state.Skip("built without cgo")
}
