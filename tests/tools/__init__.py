"""What the tests need from outside: toolchains, programs, cores, debuggers.

Everything is made once, kept in the cache folder and shared by all test workers.
What cannot be had on this machine raises `tools.cache.Unavailable`, which
skips the test with the reason.
"""
