//go:build !goexperiment.arenas

package main

import "errors"

func makeArenas(int) error {
	return errors.New("built without GOEXPERIMENT=arenas")
}
