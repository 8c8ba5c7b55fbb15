//go:build go1.24

package main

import (
	"runtime"
	"unique"
	"weak"
)

var (
	weakly  []weak.Pointer[link]
	handles []unique.Handle[string]
)

// addMore has an object with a cleanup, whose function holds another, and weak pointers to objects that only some still hold.
func addMore(i int) {
	object, held := &ring{any: &link{nil, i}}, &link{nil, i}
	runtime.AddCleanup(object, func(l *link) { l.value++ }, held)
	target := &link{nil, i}
	weakly = append(weakly, weak.Make(target))
	handles = append(handles, unique.Make(string(rune(i))+" unique"))
	if i%2 == 0 {
		nothing = append(nothing, object, target)
	}
}
