"""Rows of documents that have a module of their own: those that several reports share, and those of a long report."""
