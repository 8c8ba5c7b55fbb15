// Command healthy-idle is a small server to which nobody talks: ten workers wait for requests, and a table of settings
// is all that it has in memory. There is nothing to find.
package main

import (
	"strconv"
	"sync"

	"gospan.example/lab/state"
)

var (
	settings = map[string]string{}
	requests = make(chan string)
)

func main() {
	state.Start()
	for i := 0; i < 2000; i++ {
		settings["setting-"+strconv.Itoa(i)] = strconv.Itoa(i * i)
	}
	var waiting sync.WaitGroup
	for i := 0; i < 10; i++ {
		waiting.Add(1)
		go work(&waiting)
	}
	waiting.Wait()
	state.Wait()
}

func work(waiting *sync.WaitGroup) {
	waiting.Done()
	for request := range requests {
		println(settings[request])
	}
}
