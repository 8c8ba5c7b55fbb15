//go:build go1.24

package main

import "runtime"

func addCleanup(object *node) {
	runtime.AddCleanup(object, func(int) { held() }, 0)
}
