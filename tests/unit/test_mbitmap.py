"""Bits of words, made by hand: what the heap of a program that has just collected does not show."""

from __future__ import annotations

import numpy as np

from gdb_gospan.runtime.mbitmap import _before_the_last, _unpacked


def two_bits(pointers: str, more: str) -> np.ndarray:
    """Return heapArena.bitmap of Go 1.19 for words: of each four, the bits for pointers below those for scanning."""
    assert len(pointers) == len(more) == 8
    halves = [int(text[at : at + 4][::-1], 2) for at in (0, 4) for text in (pointers, more)]
    return np.array([[halves[0] | halves[1] << 4, halves[2] | halves[3] << 4]], np.uint8)


def shown(found: np.ndarray) -> str:
    return "".join("01"[bit] for bit in found[0].tolist())


def test_what_lies_behind_the_last_pointer_of_an_object_is_of_another_time() -> None:
    """The bits behind a word without the scan bit are left from an object that lay there before (mbitmap.go, 1.19)."""
    stale = two_bits("11111111", "11001111")
    assert shown(_before_the_last(stale, 8)) == "11000000"
    assert shown(_before_the_last(stale, 4)) == "11001111"
    assert shown(_before_the_last(stale, 2)) == "11001111"


def test_the_part_of_a_large_object_is_one() -> None:
    assert shown(_before_the_last(two_bits("10101010", "11111110"), 4096)) == "10101010"


def test_words_that_no_slot_has_are_no_pointers() -> None:
    assert shown(_before_the_last(two_bits("11111111", "11111111"), 3)) == "11111100"


def test_bits_are_kept_in_words_of_the_target() -> None:
    little = np.array([[0x01, 0x80, 0, 0, 0, 0, 0, 0x40]], np.uint8)
    big = np.ascontiguousarray(little[:, ::-1])
    expected = [0, 15, 62]
    assert np.flatnonzero(_unpacked(little, np.dtype("<u8"))).tolist() == expected
    assert np.flatnonzero(_unpacked(big, np.dtype(">u8"))).tolist() == expected
