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


CLOUD_LIBRARIES = ("azure", "boto3", "botocore", "google.auth", "google.oauth2", "msal", "requests", "urllib3")
"""Only a credential that does not last needs one of them, and then in a thread of its own."""

# What `serve` does until it listens, and stop; then the modules it took.
SERVE_AND_LIST_MODULES = """
import asyncio, json, sys
from cc_relay.config import parse
from cc_relay.runtime.relay import Relay

async def main():
    relay = Relay(parse(sys.argv[1], format="yaml", source="test", environ={}), environ={})
    await relay.start()
    await relay.stop()

asyncio.run(main())
print(json.dumps(sorted(sys.modules)))
"""

HERE = """
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
providers:
"""
WITHOUT_CLOUDS = (
    HERE
    + """
  - {name: a, type: anthropic, keys: [k]}
  - {name: b, type: ollama}
"""
)
WITH_STATIC_KEYS = (
    HERE
    + """
  - {name: a, type: bedrock, aws_region: us-east-1, aws_access_key_id: AKID, aws_secret_access_key: s}
  - {name: b, type: bedrock, aws_region: us-east-1, bearer_token: t, surface: mantle}
  - {name: c, type: vertex, gcp_project_id: p, gcp_region: global, access_token: t}
  - {name: d, type: azure, azure_resource_name: r, keys: [k]}
"""
)


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


def clouds_in(taken: str) -> list[str]:
    names: list[str] = json.loads(taken)
    return [
        name
        for name in names
        if name.startswith(tuple(f"{one}." for one in CLOUD_LIBRARIES)) or name in CLOUD_LIBRARIES
    ]


@pytest.mark.parametrize("configuration", [WITHOUT_CLOUDS, WITH_STATIC_KEYS], ids=["none", "static"])
def test_serving_imports_no_cloud_library_before_a_provider_needs_it(configuration: str) -> None:
    assert clouds_in(python(SERVE_AND_LIST_MODULES, configuration)) == []


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_a_light_command_knows_no_cloud(option: str) -> None:
    *_, taken = python(RUN_AND_LIST_MODULES, option).splitlines()

    assert clouds_in(taken) == []


def test_the_version_is_the_packages() -> None:
    output, _ = python(RUN_AND_LIST_MODULES, "--version").splitlines()

    assert cc_relay.__version__ in output
