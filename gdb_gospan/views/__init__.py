"""Answers as text. Views get plain documents and never read memory."""
