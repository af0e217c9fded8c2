"""Every module can be the first that is imported, and the light commands stay light."""

import json
import subprocess
import sys

import pytest
from tests.repository.tree import ROOT, modules, name_of

import cc_relay

# What our modules build on is loaded once; each module of ours is then the first in a process of its own.
IMPORT_EACH_ALONE = """
import importlib, json, os, sys, traceback, warnings
import aiohappyeyeballs, asyncio, click, httptools, msgspec, pydantic, ssl, uvloop, yaml
warnings.simplefilter("error")
failed = {}
for name in sys.argv[1:]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            os.write(writing, traceback.format_exc()[-4000:].encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        if trace := pipe.read():
            failed[name] = trace
    os.wait()
print(json.dumps(failed))
"""

# The command as it is installed, then the modules it took.
RUN_AND_LIST_MODULES = """
import json, sys
from cc_relay.cli import main
sys.argv[0] = "cc-relay"
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)))
"""

# Together these cost several times what the command itself may.
HEAVY = {
    "asyncio",
    "httptools",
    "msgspec",
    "pydantic",
    "pydantic_core",
    "sqlite3",
    "ssl",
    "starlette",
    "uvicorn",
    "uvloop",
    "yaml",
}


def python(script: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_every_module_imports_alone() -> None:
    names = [name_of(module) for module in modules()]
    failed = json.loads(python(IMPORT_EACH_ALONE, *names))

    assert not failed, "\n".join(f"{name}: {trace}" for name, trace in failed.items())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_a_light_command_imports_nothing_heavy(option: str) -> None:
    *output, taken = python(RUN_AND_LIST_MODULES, option).splitlines()

    assert not HEAVY & set(json.loads(taken))
    assert any("cc-relay" in line for line in output)


def test_the_version_is_the_packages() -> None:
    output, _ = python(RUN_AND_LIST_MODULES, "--version").splitlines()

    assert cc_relay.__version__ in output
