"""What the Go runtime's structures look like in the program at hand."""
