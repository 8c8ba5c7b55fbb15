"""Work for the programs of `realworld`: each is started on loopback, and kept busy until it is looked at."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools import processes, realworld
from tools.cache import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST = 1000.0
"""Seconds that anything here goes on for."""
_MOST = 20_000
"""Steps of work that are done."""
_READY = processes.PATIENCE

#: Loopback is never behind a proxy, whatever the environment says.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

#: Without its update check, without asking the network for anything, and no core lost to a quiet death.
_ENVIRONMENT = {"GOTRACEBACK": "crash", "CI": "1", "NO_COLOR": "1"}


#: What a tool is given to run, in a session of its own if it likes: ends soon after the block that started it.
_UNTIL_THE_END = f"touch up\nfor i in $(seq {_LONGEST:.0f}); do [ -e up ] || exit; sleep 1; done\n"


@dataclass
class Plan:
    """How a program is started and kept busy.

    Attributes
    ----------
    arguments, env
        What it is started with.
    step
        One piece of work; given its number, and the process.
    ready
        Says whether it is up; asked until it does, before any work.
    metrics
        Where it tells its own memory statistics.
    """

    arguments: list[str]
    step: Callable[[int, processes.Running], object]
    ready: Callable[[], bool] = lambda: True
    env: dict[str, str] = field(default_factory=dict)
    metrics: str = ""
    pipe: bool = False


@dataclass
class Busy:
    """A program at work.

    Attributes
    ----------
    steps
        How much work has been done so far.
    """

    program: realworld.Program
    running: processes.Running
    folder: Path
    plan: Plan
    steps: int = 0

    def own_figures(self) -> dict[str, float]:
        """Return what the program's own metrics say of its memory: go_memstats_NAME without the beginning."""
        found = {}
        for line in get(self.plan.metrics).decode().splitlines():
            if line.startswith("go_memstats_"):
                name, _, value = line.removeprefix("go_memstats_").partition(" ")
                found[name] = float(value)
        return found


@contextlib.contextmanager
def at_work(name: str, folder: Path) -> Iterator[Busy]:
    """Run a program and keep it busy during the block; its own files are in `folder`."""
    program = realworld.PROGRAMS[name]
    path = realworld.executable(name)
    plan = _PLANS[name](folder)
    log = folder / "stderr.log"
    env = {**_ENVIRONMENT, "HOME": str(folder), **plan.env}
    over = threading.Event()
    with (
        log.open("wb") as errors,
        processes.start(
            path, *plan.arguments, env=env, cwd=folder, core=True, stderr=errors, children=True,
            stdin=subprocess.PIPE if plan.pipe else subprocess.DEVNULL,
        ) as running,
    ):  # fmt: skip
        busy = Busy(program, running, folder, plan)
        until = time.monotonic() + _READY
        while not (_is_ready(plan) and _has_threads(running.pid)):
            last = log.read_text(errors="replace").splitlines()[-3:]
            assert running.process.poll() is None, f"{name} ended: {last}"
            assert time.monotonic() < until, f"{name} does not answer: {last}"
            time.sleep(0.05)
        worker = threading.Thread(target=_work, args=(busy, over), daemon=True)
        worker.start()
        try:
            while busy.steps < 3 and time.monotonic() < until:
                time.sleep(0.02)
            assert running.process.poll() is None, f"{name} ended: {log.read_text(errors='replace')[-500:]}"
            yield busy
        finally:
            over.set()
            (folder / "up").unlink(missing_ok=True)
            worker.join(10)


def _has_threads(pid: int) -> bool:
    """Whether the runtime has started: the loader of a program that links the C library makes no thread."""
    return len([*Path(f"/proc/{pid}/task").iterdir()]) > 2


def _work(busy: Busy, over: threading.Event) -> None:
    end = time.monotonic() + _LONGEST
    for number in range(_MOST):
        if over.is_set() or time.monotonic() > end:
            return
        # It stands still while it is looked at, and at last it dies.
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            busy.plan.step(number, busy.running)
        busy.steps = number + 1


def _is_ready(plan: Plan) -> bool:
    try:
        return plan.ready()
    except (OSError, http.client.HTTPException):
        return False


def get(url: str, data: object = None) -> bytes:
    """Return the answer to one request; with `data`, which is sent as JSON."""
    body = None if data is None else json.dumps(data).encode()
    with _DIRECT.open(url, body, timeout=5) as answer:
        content: bytes = answer.read()
    return content


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def _prometheus(folder: Path) -> Plan:
    here = f"127.0.0.1:{_port()}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: own, static_configs: [{{targets: ['{here}']}}]}}]\n"
    )
    ask = ["/metrics", "/api/v1/query?query=go_memstats_heap_inuse_bytes", "/api/v1/series?match[]=up",
           "/api/v1/query?query=sum(rate(prometheus_http_requests_total[1m]))by(handler)"]  # fmt: skip
    return Plan(
        ["--config.file=prometheus.yml", f"--web.listen-address={here}", "--storage.tsdb.path=data"],
        lambda number, _: get(f"http://{here}{ask[number % len(ask)]}"),
        ready=lambda: bool(get(f"http://{here}/-/ready")),
        metrics=f"http://{here}/metrics",
    )


def _node_exporter(folder: Path) -> Plan:
    here = f"127.0.0.1:{_port()}"
    return Plan(
        [f"--web.listen-address={here}"],
        lambda _number, _: get(f"http://{here}/metrics"),
        ready=lambda: bool(get(f"http://{here}/")),
        metrics=f"http://{here}/metrics",
    )


def _etcd(folder: Path) -> Plan:
    client, peer = (f"http://127.0.0.1:{_port()}" for _ in range(2))

    def step(number: int, _: processes.Running) -> None:
        key, value = (base64.b64encode(text).decode() for text in (b"%d" % (number % 500), b"value" * 200))
        get(f"{client}/v3/kv/put", {"key": key, "value": value})
        get(f"{client}/v3/kv/range", {"key": key})

    return Plan(
        ["--data-dir=data", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
         f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
         f"--initial-cluster=default={peer}", "--unsafe-no-fsync"],
        step,
        ready=lambda: b"true" in get(f"{client}/health"),
        metrics=f"{client}/metrics",
    )  # fmt: skip


def _caddy(folder: Path) -> Plan:
    here = f"127.0.0.1:{_port()}"
    site = folder / "site"
    site.mkdir()
    for number in range(50):
        (site / f"page{number}.html").write_text(f"<p>{number}</p>" * 5000)
    routes = [{"handle": [{"handler": "encode", "encodings": {"gzip": {}}},
                          {"handler": "file_server", "root": str(site), "browse": {}}]}]  # fmt: skip
    server = {"listen": [here], "routes": routes, "automatic_https": {"disable": True}}
    config = {
        "admin": {"disabled": True},
        "apps": {"http": {"servers": {"one": server}}},
    }
    (folder / "caddy.json").write_text(json.dumps(config))

    def step(number: int, _: processes.Running) -> None:
        page = f"http://{here}/page{number % 50}.html" if number % 5 else f"http://{here}/"
        get(page) if number % 2 else _DIRECT.open(
            urllib.request.Request(page, headers={"Accept-Encoding": "gzip"}), timeout=5
        ).close()

    return Plan(
        ["run", "--config", "caddy.json"],
        step,
        ready=lambda: bool(get(f"http://{here}/")),
        env={"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )


def _sources(folder: Path, suffix: str) -> None:
    """Write a tree of modules, each of which imports the next ones."""
    tree = folder / "src"
    tree.mkdir()
    for number in range(200):
        later = [other for other in (2 * number + 1, 2 * number + 2) if other < 200]
        lines = [f'import {{ value{other} }} from "./module{other}";' for other in later]
        lines += [
            f"interface Shape{number} {{ name: string; sides: number[]; next?: Shape{number} }}",
            *(f"export function f{number}_{i}(a: Shape{number}): number {{ return a.sides.length * {i} }}"
              for i in range(20)),
            f"export const value{number}: number = {' + '.join([f'value{o}' for o in later] or ['1'])};",
        ]  # fmt: skip
        (tree / f"module{number}.{suffix}").write_text("\n".join(lines))


def _changed(folder: Path, number: int) -> None:
    """Change one module, for who watches them."""
    with (folder / "src" / f"module{number % 200}.ts").open("a") as file:
        file.write(f"\nexport const later{number} = {number};")
    time.sleep(0.1)


def _esbuild(folder: Path) -> Plan:
    _sources(folder, "ts")
    return Plan(
        ["src/module0.ts", "--bundle", "--sourcemap", "--minify", "--outfile=out.js", "--watch=forever"],
        lambda number, _: _changed(folder, number),
        ready=(folder / "out.js").exists,
    )


def _tsgo(folder: Path) -> Plan:
    _sources(folder, "ts")
    options = {"rootDir": "src", "outDir": "out", "strict": True, "target": "esnext", "module": "esnext", "types": [],
               "moduleResolution": "bundler", "incremental": False}  # fmt: skip
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["src"]}))
    return Plan(
        ["--watch", "-p", "."],
        lambda number, _: _changed(folder, number),
        ready=(folder / "out" / "module0.js").exists,
    )


def _lefthook(folder: Path) -> Plan:
    git = shutil.which("git")
    if not git:
        raise Unavailable("no git on PATH for lefthook")
    subprocess.run([git, "init", "-q", str(folder)], check=True)
    (folder / "up.sh").write_text(_UNTIL_THE_END)
    jobs = [f"    job{number}:\n      run: echo {number} {'word ' * 200}" for number in range(40)]
    (folder / "lefthook.yml").write_text(
        "work:\n  parallel: true\n  commands:\n" + "\n".join(jobs) + "\n    last:\n      run: sh up.sh\n"
    )
    return Plan(["run", "work"], lambda _number, _: time.sleep(0.1), ready=(folder / "up").exists)


def _bazelisk(folder: Path) -> Plan:
    tool = folder / "bazel"
    tool.write_text(f"#!/bin/sh\ncd {folder}\n{_UNTIL_THE_END}")
    tool.chmod(0o755)
    return Plan(
        ["version"],
        lambda _number, _: time.sleep(0.1),
        ready=(folder / "up").exists,
        env={"USE_BAZEL_VERSION": str(tool), "BAZELISK_HOME": str(folder / "cache")},
    )


def _fzf(folder: Path) -> Plan:
    line = "".join(f"{number} some words that are to be searched\n" for number in range(200)).encode()

    def step(_number: int, running: processes.Running) -> None:
        assert running.process.stdin is not None
        os.write(running.process.stdin.fileno(), line)

    return Plan(["--filter=searched 7", "--no-sort"], step, pipe=True)


_PLANS: dict[str, Callable[[Path], Plan]] = {
    "prometheus": _prometheus,
    "node-exporter": _node_exporter,
    "etcd": _etcd,
    "caddy": _caddy,
    "esbuild": _esbuild,
    "tsgo": _tsgo,
    "lefthook": _lefthook,
    "bazelisk": _bazelisk,
    "fzf": _fzf,
}
