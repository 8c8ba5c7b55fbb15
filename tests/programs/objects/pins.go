//go:build go1.21

package main

import "runtime"

var pins runtime.Pinner

// pinOne has an object that only the Pinner holds.
func pinOne(i int) { pins.Pin(&link{nil, i}) }
