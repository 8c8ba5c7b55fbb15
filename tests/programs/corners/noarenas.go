//go:build !goexperiment.arenas

package main

import "errors"

var errNoArenas = errors.New("built without GOEXPERIMENT=arenas")

func makeArenas(int) error { return errNoArenas }

func freeArenas(int) error { return errNoArenas }
