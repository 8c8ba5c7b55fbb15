"""Draw how full the spans of each size class are, with the Python API alone.

python examples/occupancy.py ./program core     or  --pid N, or  heap.gospan
"""

import sys

import gdb_gospan

LEVELS = " ▁▂▃▄▅▆▇█"
WIDTH = 40


def main(words: list[str]) -> None:
    """Print a line for each span class, those with most free bytes first: a bar of what is taken, and the spans in tenths."""
    if not words:
        sys.exit("usage: occupancy.py ./program core, or --pid N, or heap.gospan")
    if words[:1] == ["--pid"]:
        heap = gdb_gospan.open(pid=int(words[1]), needs=["classes"])
    elif len(words) == 1 and words[0].endswith(".gospan"):
        heap = gdb_gospan.open(snapshot=words[0])
    else:
        heap = gdb_gospan.open(words[-1], executable=words[0] if len(words) > 1 else None)
    with heap:
        for row in heap.report("classes", sort="free_bytes", limit=15).classes:
            size = f"{row.elemsize:,}" if row.elemsize else "large"
            kind = "noscan" if row.noscan else "scan"
            share = row.object_bytes / max(row.object_bytes + row.free_bytes, 1)
            most = max(row.deciles) or 1
            tenths = "".join(LEVELS[-(-8 * spans // most)] for spans in row.deciles)
            print(f"{size:>7} {kind:<6} {'█' * round(WIDTH * share):<{WIDTH}} {100 * share:5.1f} %  {tenths}")


if __name__ == "__main__":
    main(sys.argv[1:])
