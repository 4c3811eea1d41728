"""The README's commands work as printed. In what is printed, … stands for anything; alone on a line, for any lines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import monotonic, sleep

import orjson
import pytest
from ports import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONSOLES = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
WITHIN = 20


def steps():
    """Yield (command, what it prints)."""
    for block in CONSOLES:
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = step.partition("\n")
            yield command, printed


def pattern(printed):
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n?" for line in printed.splitlines()
    ]
    return re.compile("".join(lines) + r"\Z" if not printed.rstrip().endswith("…") else "".join(lines))


class Terminal:
    """Runs commands as a reader would: the ids and keys that were printed go into the exports that name them."""

    def __init__(self, folder):
        self.folder, self.port = folder, str(free_port())
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "GATEWAY_PORT": self.port,
        }
        self.printed = {}
        self.server = None

    def run(self, command):
        command = command.replace("8080", self.port)
        if exported := re.fullmatch(r"export (\w+)=\w+\.\.\.", command):
            self.environment[exported[1]] = self.printed[{"KEY": "api_key", "ID": "id"}[exported[1]]]
            return ""
        if command.endswith(" &"):
            return self.start(command.removesuffix(" &"))
        done = subprocess.run(
            command,
            shell=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if done.stdout.startswith("{"):
            self.printed |= {name: value for name, value in orjson.loads(done.stdout).items() if isinstance(value, str)}
        return done.stdout.replace(self.port, "8080")

    def start(self, command):
        self.server = subprocess.Popen(
            command.split(),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        printed = self.server.stdout.readline() + self.server.stdout.readline()
        until = monotonic() + WITHIN
        while monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1).close()
            except OSError:
                sleep(0.05)
            else:
                break
        return printed.replace(self.port, "8080")

    def close(self):
        if self.server is not None:
            self.server.terminate()
            self.server.communicate(timeout=WITHIN)


@pytest.fixture
def terminal(tmp_path):
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands need curl")
def test_the_readmes_commands_print_what_the_readme_says(terminal):
    ran = 0
    for command, printed in steps():
        said = terminal.run(command)
        assert pattern(printed).match(said), f"$ {command}\nprinted\n{said}\nand not\n{printed}"
        ran += 1
    assert ran == 10


def test_what_the_readme_prints_is_compared_line_by_line():
    assert pattern("a\nb …\n").match("a\nb 7\n")
    assert not pattern("a\nb …\n").match("a\nc 7\n")
    assert not pattern("a\nb\n").match("a\nb\nmore\n")
    assert pattern("…\nok …\n…\n").match("x\ny\nok 1\nz\n")
    assert not pattern("…\nok …\n…\n").match("x\ny\n")
