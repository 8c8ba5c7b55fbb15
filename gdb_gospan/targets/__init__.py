"""The ways in, one module for each: a core, a process, a snapshot, a Delve that serves, what Delve has saved."""
