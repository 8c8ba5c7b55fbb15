"""The page allocator: how pages lie together, and the heap as a picture."""

from __future__ import annotations

from gdb_gospan.fields.command import LIMIT, Command, Option, sort_by

PAGES: tuple[Command, ...] = (
    Command(
        "pages",
        "pages by state, runs of free pages, and what fits without heap growth",
        "The runtime hands out memory in pages of 8 KiB. Free memory counts for an allocation only if enough\n"
        "free pages lie side by side; when no run is long enough, the heap grows although much of it is free.",
        "go-spans pages --chunks --sort largest_run",
        columns=(
            ("free, kept", "free pages still backed by memory; HeapIdle - HeapReleased, but for page caches"),
            ("returned", "free and given back to the OS, or never touched (scavenged): HeapReleased less padding; can be allocated"),
            ("in Ps' page caches", "free, but only the P that took them in advance can use them"),
            ("padding", "from Go 1.26 on the heap begins at a random page; those before it are never used"),
            ("free runs", "runs of free pages by length, the shortest first"),
            ("unusable", "unusable-free index: share of the free bytes that lies in runs too short for so many pages"),
            ("fits without growth", "the largest single allocation that the free pages can take; HeapSys stays the same"),
            ("heap growth", "adds to HeapSys; it goes into what is reserved (mheap.curArena, in no figure yet), or reserves more"),
            ("aligned blocks", "2 MiB each, as huge pages are; pages in use here are all that cannot be allocated"),
            ("kept by", "with --blockers: the spans that lie in a block of which 1 to 4 pages are in use, with their objects"),
            ("chunks", "with --chunks: the 4 MiB pieces that the page allocator works in, and the longest free run inside"),
            ("other", "padding, pages in Ps' page caches, allocated of no span, or unknown"),
        ),
        options=(
            Option("chunks", "show a row for each chunk of 4 MiB, too"),
            Option("blockers", "show which spans keep blocks of 2 MiB from being wholly free, too"),
            sort_by("start in_use manual free released other largest_run", "start", {"chunks": "start", "returned": "released", "longest": "largest_run"})
            .only_of("the chunks", "chunks", "json", "csv"),
            LIMIT.only_of("the chunks and the blockers", "chunks", "blockers", "json", "csv"),
            Option("csv", "print the chunks as CSV"),
        ),
        rows="chunks",
    ),
    Command(
        "map",
        "the heap as a picture: where spans are, how full, and what is free",
        "Each sign stands for a run of pages, each line begins with its address. A sign shows the most important\n"
        "thing in its cell: a cell is drawn as free only if all of its pages are. Shades show how much of the\n"
        "cell is objects: a pale cell holds memory for little. Gaps between address ranges have a line of their own.",
        "go-spans map --lines 40",
        columns=(
            ("shades, or # % + :", "spans in use; over 75, up to 75, up to 50, up to 25 % of the cell's bytes are objects"),
            ("S", "stacks and work buffers"),
            ("C", "free, but pages of it are in the page cache of a P"),
            ("_ .", "free and kept; free and returned to the OS or never touched"),
            ("X ~ ?", "padding (Go 1.26 on); allocated, of no span; could not be read"),
        ),
        options=(
            Option("lines", "lines of the picture, about", "N", 20, number=True),
            Option("arena", "only this arena of 64 MiB: its number, from 0 by address, or an address in it", "N|ADDR", address=True),
            Option("zoom", "only what is around this address, a sign for each page", "ADDR", address=True),
        ),
        rows="cells",
    ),
)  # fmt: skip
