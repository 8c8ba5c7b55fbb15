//go:build !goexperiment.arenas

// Package arenas keeps user arenas coming and going, where there are any.
package arenas

// Churn does nothing without GOEXPERIMENT=arenas.
func Churn() {}
