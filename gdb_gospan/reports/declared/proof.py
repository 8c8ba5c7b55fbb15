"""What the figures rest on."""

from __future__ import annotations

from gdb_gospan.fields.command import NO_LIMIT, Command, Option

PROOF: tuple[Command, ...] = (
    Command(
        "check",
        "prove the figures: every identity between the walk and the runtime's counters",
        "exact: equal to the byte. transient: off, and a thread that is named can cause as much by what it was\n"
        "in the middle of. unknown: what would decide it could not be read. broken: off, and nothing explains it.\n"
        "The exit status is 1 if an identity is broken, otherwise 3 if one is unknown, otherwise 0; in gdb\n"
        "$_go_spans_status has it.",
        "go-spans check",
        columns=(
            ("expected", "what the runtime's own counters say"),
            ("observed", "what walking the structures found"),
            ("gdb-values", "in gdb: fields of some span descriptors, read in bulk and once more as gdb.Value"),
        ),
        options=(
            Option("sort", "status, the worst first, code or subject, or figures from the largest", "COL", "status",
                   choices=("status", "code", "severity", "expected", "observed", "subject"),
                   headings={"check": "code", "what must hold": "subject"}),
            NO_LIMIT,
        ),
        rows="identities",
    ),
    Command(
        "layout",
        "where the runtime's types came from, and what this Go release lacks",
        "Lists every runtime struct and field that go-spans relies on, as this program has them.",
        "go-spans layout --verbose",
        rows="structs",
        columns=(("fields used", "fields that go-spans reads"), ("offset", "with --verbose: bytes from the start of the struct")),
        options=(Option("verbose", "list every field with its offset and size"),),
    ),
    Command(
        "snapshot",
        "write the runtime's metadata to a file, to look at it elsewhere",
        "Records all that any report reads: every span descriptor, bitmap, page and list, the types and where the\n"
        "threads stand; a process stands still while that is read. In a shell every command takes the file in place of\n"
        "a program and its core. It is small, and has no contents of the program's own objects; it has addresses, names\n"
        "of types and of the functions that threads are in, and the paths of the files.",
        "go-spans snapshot heap.gospan",
        rows="recorded",
        options=(Option("replace", "replace an older snapshot of that name"),),
        argument=("FILE", "the file to write, whole or not at all; what is there is left alone, and no link is followed"),
    ),
    Command(
        "explain",
        "what a figure, a column or a popular name means",
        "One sentence, the formula, what it is not to be confused with, where in the runtime it comes from, and the\n"
        "identities of go-spans check that hold it to the runtime's own counters. Of a popular name: what is said of\n"
        "it, and what is so instead. It needs no program.",
        "go-spans explain free_slots",
        rows="terms",
        argument=("[TERM]", "a term, column, JSON key, identity or popular name; all terms without it"),
        needs_target=False,
    ),
)  # fmt: skip
