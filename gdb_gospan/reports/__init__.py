"""The subcommands: what each takes, what it answers. No debugger here."""
