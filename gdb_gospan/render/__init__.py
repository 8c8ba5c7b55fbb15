"""Documents as text, JSON and CSV. Nothing here reads memory, or knows a report by its name."""
