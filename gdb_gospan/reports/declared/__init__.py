"""The declarations of the subcommands, by subject."""
