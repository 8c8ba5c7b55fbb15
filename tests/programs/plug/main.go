// Package main is a plugin (go build -buildmode=plugin) that keeps objects.
package main

var kept [][]byte

// Grow keeps so many objects, each of so many bytes.
func Grow(objects, size int) {
	for i := 0; i < objects; i++ {
		kept = append(kept, make([]byte, size))
	}
}

func main() {}
