"""The layout of the Go runtime's structures in one program."""
