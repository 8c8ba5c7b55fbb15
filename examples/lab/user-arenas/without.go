//go:build !goexperiment.arenas

package main

import "gospan.example/lab/state"

func main() {
	state.Skip("built without GOEXPERIMENT=arenas")
}
