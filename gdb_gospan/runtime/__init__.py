"""Decoders of the Go runtime's structures, one module for each of its source files."""
