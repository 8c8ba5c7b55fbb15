"""A program in Python with a Go runtime in each library that is named: lets all of them allocate, and dies or sleeps.

Usage: python host.py LIBRARY:OBJECTS:SIZE... -end abort|sleep
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path

libraries = {}
for word in sys.argv[1:-2]:
    path, objects, size = word.rsplit(":", 2)
    libraries[Path(path).name] = library = ctypes.CDLL(path)
    library.heapAlloc.restype = ctypes.c_ulonglong
    library.grow(int(objects), int(size))
print(json.dumps({name: library.heapAlloc() for name, library in libraries.items()}), flush=True)
if sys.argv[-1] == "abort":
    os.abort()
time.sleep(3600)
