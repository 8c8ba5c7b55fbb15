"""One module for each kind of target: core, process, snapshot, Delve server, file saved by Delve."""
