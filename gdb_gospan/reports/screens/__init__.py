"""Screens that are laid out by hand, where a table is not enough."""
