package main

import (
	"strconv"
	"unsafe"
)

var words = make([]byte, 0, 1024)

func number(to []byte, value uint64) []byte { return strconv.AppendUint(to, value, 10) }

func pointer(bytes []byte) unsafe.Pointer { return unsafe.Pointer(&bytes[0]) }
