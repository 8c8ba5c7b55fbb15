"""Find the table of the profiles' buckets in a program without symbols (runtime/mprof.go)."""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.layout.image_search import Looking
from gdb_gospan.layout.word_image import U64

HASH_SIZE: Final = 179999
"""buckHashSize (mprof.go)."""
_MOST_SPANS: Final = 1 << 14
"""Spans whose specials are looked at: by default every 512 KiB that are allocated one object gets one."""
_MOST_SPECIALS: Final = 1 << 10
_MOST_BUCKETS: Final = 16


class ProfileVariables(Looking):
    """The finder for buckhash."""

    def buckhash(self) -> int | None:
        """Buckhash has the buckets of sampled objects in the places that their hashes say (mprof.go, stkbucket).

        Where no sampled object is alive it is not found.
        """
        buckets = self._sampled()
        if not len(buckets):
            return None
        digest, known = self._numbers("bucket", "hash", buckets)
        buckets, digest = buckets[known], digest[known]
        rows = self._whole_pages
        tables = self._words.value[rows]
        votes = np.zeros(len(rows), np.int64)
        for bucket, place in zip(buckets.tolist(), (digest % np.uint64(HASH_SIZE)).tolist(), strict=True):
            head, known = self._read(tables + np.uint64(place * self._words.width), self._words.width)
            votes += known & (head == np.uint64(bucket))
        # The newest bucket of a place is at its head: with few buckets in so large a table nearly all are.
        return self._only(self._words.address[rows[votes * 2 > len(buckets)]])

    def _sampled(self) -> U64:
        """Return buckets of sampled objects."""
        if "specialprofile" not in self._layout.structs or "bucket" not in self._layout.structs:
            return np.empty(0, np.uint64)
        spans = self._spans()
        spans = spans[:: len(spans) // _MOST_SPANS + 1]
        specials, known = self._numbers("mspan", "specials", spans)
        specials = specials[known & (specials != 0)]
        # What the other kinds have there, whose numbers the releases changed, leads to no bucket of the heap.
        buckets, known = self._numbers("specialprofile", "b", specials)
        buckets = np.unique(buckets[known & (buckets != 0)])[:_MOST_SPECIALS]
        typ, known = self._numbers("bucket", "typ", buckets)
        found: U64 = buckets[known & (typ == 1)][:_MOST_BUCKETS]
        return found
