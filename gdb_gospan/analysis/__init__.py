"""Questions about a decoded heap. Nothing here reads memory for itself or formats text."""
