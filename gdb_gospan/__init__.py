"""See inside the Go heap from a debugger.

Importing the package has no effect: it reads no memory, registers nothing and
imports nothing heavy, because gdb does so at every start.
"""

__version__ = "0.1.0"
