"""What a column, an option and a subcommand are, and how their values are written. Nothing here reads memory."""
