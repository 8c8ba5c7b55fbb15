"""Test programs, built once for each toolchain and variant."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tools import debian, toolchains
from tools.cache import CHECKOUT, Unavailable, once, remembered, root, trim

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = CHECKOUT / "examples"
FRAG = EXAMPLES / "frag"
LAB = EXAMPLES / "lab"
PROGRAMS = CHECKOUT / "tests" / "programs"
LIMIT = 2 << 30


@remembered
def build(
    name: str,
    minor: str,
    *,
    ldflags: str = "",
    gcflags: str = "",
    tags: str = "",
    buildmode: str = "",
    experiments: str = "",
    cgo: bool = False,
    race: bool = False,
    goarch: str = "",
    overlay: str = "",
) -> Path:
    """Return the executable of the Go program `name` ("frag", "churn", "corners").

    Parameters
    ----------
    name
        A folder of tests/programs or examples, for instance "frag" or "lab/unswept".
    minor
        Go release, for instance "1.27".
    ldflags, gcflags, tags, buildmode
        As for go build, for instance ``ldflags="-w"``, ``buildmode="pie"``.
    experiments
        GOEXPERIMENT, for instance "arenas" or "nogreenteagc".
    cgo
        Link against libc with gcc.
    race
        With the race detector, which takes cgo.
    goarch
        Another architecture, for instance "386".
    overlay
        File that says which sources are replaced, as for go build; its name changes with what is in it.
    """
    toolchain = toolchains.ensure(minor)
    if cgo and not shutil.which("gcc"):
        raise Unavailable("no gcc on PATH for a program with cgo")
    example = (EXAMPLES / name / "main.go").exists()
    folder = EXAMPLES / name if example else PROGRAMS / name
    # A new program makes no other one anew, nor its cores.
    sources = [folder] if example else [folder, PROGRAMS / "go.mod", PROGRAMS / "arenas", FRAG]
    sources += [LAB / "state"] if folder.parent == LAB else []
    name = folder.name
    options = {
        "-ldflags": ldflags,
        "-gcflags": gcflags,
        "-tags": tags,
        "-buildmode": buildmode,
        "-overlay": overlay,
    }
    flags = [f"{option}={value}" for option, value in options.items() if value]
    flags += ["-race"] if race else []
    env = toolchain.env | {"GOEXPERIMENT": experiments, "CGO_ENABLED": str(int(cgo))}
    env |= {"GOARCH": goarch} if goarch else {}
    key = _digest(sources, toolchain.version, str(flags), experiments, str(cgo), goarch)

    def make(target: Path) -> None:
        try:
            _run([toolchain.go, "build", "-trimpath", *flags, "-o", str(target / name), "."], folder, env)
        except RuntimeError as error:
            if "unknown GOEXPERIMENT" in str(error):
                raise Unavailable(f"Go {minor} has no GOEXPERIMENT {experiments}") from None
            raise

    return _built(f"{name}-{toolchain.version}-{key}", make) / name


def build_probe(toolchain: toolchains.Toolchain, folder: Path) -> Path:
    """Build the smallest program that has the runtime's types with a toolchain that is not kept."""
    target = folder / "probe"
    env = toolchain.env | {"CGO_ENABLED": "0"}
    _run([toolchain.go, "build", "-trimpath", "-o", str(target), "."], PROGRAMS / "probe", env)
    return target


@remembered
def build_c(name: str = "plain") -> Path:
    """Return the executable of the C program tests/programs/NAME.c, with debug information."""
    gcc = shutil.which("gcc")
    if not gcc:
        raise Unavailable("no gcc on PATH")
    source = PROGRAMS / f"{name}.c"

    def make(target: Path) -> None:
        _run([gcc, "-g", "-O0", "-pthread", "-o", str(target / name), str(source)], PROGRAMS, None)

    return _built(f"{name}-{_digest([source])}", make) / name


@remembered
def build_gccgo(*, static: bool) -> Path:
    """Return tests/programs/gccgo, compiled by Debian's gccgo, with its runtime inside or in the library libgo.so beside it."""
    release = "12"  # of Debian 12; its libgo is the 21st
    folder = once(
        root() / "debian" / f"gccgo-{release}",
        lambda folder: debian.unpack(
            [f"gccgo-{release}", f"libgo-{release}-dev", "libgo21"], folder, "gccgo"
        ),
    )
    machine = "x86_64-linux-gnu"
    usr, own = folder / "usr", Path("/usr/lib/gcc") / machine / release
    if not (own / "crtbegin.o").exists():
        raise Unavailable(f"no gcc {release}, of which gccgo is a part")
    flags = ["-static-libgo"] if static else [f"-Wl,-rpath,{usr / 'lib' / machine}"]
    places = [f"-L{usr / 'lib' / 'gcc' / machine / release}", f"-L{usr / 'lib' / machine}"]
    places += [f"-I{usr / 'lib' / machine / 'go' / release / machine}"]
    places += [f"-B{usr / 'lib' / 'gcc' / machine / release}/", f"-B{own}/"]
    source = PROGRAMS / "gccgo" / "main.go"
    name = "static" if static else "dynamic"

    def make(target: Path) -> None:
        command = [str(usr / "bin" / f"gccgo-{release}"), "-fno-use-linker-plugin", *places, *flags, "-g"]
        env = {**os.environ, "LD_LIBRARY_PATH": str(usr / "lib" / machine)}
        _run([*command, "-o", str(target / name), str(source)], PROGRAMS, env)

    return _built(f"gccgo-{_digest([source], release, *flags)}", make) / name


@remembered
def library(name: str, minor: str, ldflags: str = "") -> Path:
    """Return tests/programs/shared as a library of that name, which brings a Go runtime of its own."""
    built = build("shared", minor, buildmode="c-shared", cgo=True, ldflags=ldflags)

    def make(target: Path) -> None:
        shutil.copy(built, target / name)

    return _built(f"{name}-{built.parent.name}", make) / name


def _built(entry: str, make: Callable[[Path], None]) -> Path:
    folder = root() / "programs"
    made = once(folder / entry, make)
    trim(folder, LIMIT)
    return made


def _run(command: list[str], folder: Path, env: dict[str, str] | None) -> None:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed in {folder}:\n{done.stdout}{done.stderr}")


def _digest(sources: list[Path], *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode())
    for source in sources:
        files = (
            [source]
            if source.is_file()
            else sorted(p for p in source.rglob("*") if p.suffix in (".go", ".mod"))
        )
        for file in files:
            digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
