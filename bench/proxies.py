"""The processes under test and beside them: nginx, the relay, the mock upstream; started, awaited, stopped by pid."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import machine, messages
from bench.machine import RigError

REPOSITORY = Path(__file__).resolve().parent.parent
START_LIMIT = 20.0
STOP_LIMIT = 10.0

NGINX_CONFIG = """\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    tcp_nodelay on;
    client_max_body_size 64m;
    client_body_buffer_size 128k;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream mock {{
        server 127.0.0.1:{upstream_port};
        keepalive 1024;
        keepalive_timeout 300s;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 300s;
        }}
    }}
}}
"""

# Everything unnamed keeps its default: auth, peek, key pool, usage tee, ledger and request log are on.
RELAY_CONFIG = """\
server:
  listen: "127.0.0.1:{port}"
  auth:
    api_key: "{relay_key}"
providers:
  - name: mock
    type: anthropic
    base_url: "http://127.0.0.1:{upstream_port}"
    models: [{models}]
    keys:
      - key: "{upstream_key}"
grpc: {{listen: "127.0.0.1:{grpc_port}"}}
admin: {{listen: "127.0.0.1:{admin_port}"}}
"""

# Static keys, so that every request is signed.
BEDROCK_CONFIG = RELAY_CONFIG.replace(
    "grpc:",
    """\
  - name: cloud
    type: bedrock
    base_url: "http://127.0.0.1:{upstream_port}"
    aws_region: us-east-1
    aws_access_key_id: AKIDEXAMPLE
    aws_secret_access_key: a-secret-of-the-benchmark
    model_mapping: {bedrock_models}
grpc:""",
)


@dataclass(frozen=True)
class Server:
    """A listening process. `started_in` and `start_cpu` are seconds from its first instruction until it listened."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started_in: float
    start_cpu: float

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raise RigError, with the end of its log, when it has died."""
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RigError(f"{self.process.args[0]} exited with {self.process.returncode}:\n{tail}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Proxy:
    """How to run one proxy: `command` may hold {config}, {port} and {upstream_port}; `config` is its file's text."""

    name: str
    command: tuple[str, ...]
    version_command: tuple[str, ...]
    config: str

    @contextmanager
    def running(self, upstream_port: int) -> Iterator[Server]:
        """A fresh process in a directory of its own, which is also its home."""
        with tempfile.TemporaryDirectory(prefix=f"bench-{self.name}-") as folder:
            home = Path(folder)
            values = {
                "port": machine.free_port(),
                "grpc_port": machine.free_port(),
                "admin_port": machine.free_port(),
                "upstream_port": upstream_port,
                "config": home / f"{self.name}.yaml",
                "home": home,
                "models": ", ".join(messages.MODELS),
                "bedrock_models": json.dumps(messages.BEDROCK_MODELS),
                "relay_key": messages.RELAY_KEY,
                "upstream_key": messages.UPSTREAM_KEY,
                "user": "user root root;" if os.geteuid() == 0 else "",
            }
            values["config"].write_text(self.config.format(**values))
            command = [part.format(**values) for part in self.command]
            server = start(command, values["port"], home, home, machine.PROXY_CPU)
            try:
                yield server
                server.check()
            finally:
                server.stop()


def start(command: list[str], port: int, home: Path, folder: Path, cpu: int) -> Server:
    """Start in `folder` and wait until the port accepts; a refused attempt costs the process nothing."""
    log = home / "log"
    with machine.on_cpu(cpu), log.open("wb") as output:
        began_at = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(home), cwd=folder
        )
    while not accepts(port):
        Server(process, port, log, 0.0, 0.0).check()
        if time.perf_counter() - began_at > START_LIMIT:
            process.kill()
            process.wait()
            raise RigError(f"{command[0]} did not listen within {START_LIMIT:.0f} s:\n{log.read_text()[-2000:]}")
        time.sleep(0.001)
    return Server(process, port, log, time.perf_counter() - began_at, machine.cpu_seconds(process.pid))


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment(home: Path) -> dict[str, str]:
    """Ours, with a throwaway home and bytecode caching on: nothing of the user's is read or written."""
    theirs = ("HOME", "XDG_", "PYTHON", "ANTHROPIC_", "CC_RELAY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return {**kept, "HOME": str(home)}


@contextmanager
def upstream() -> Iterator[Server]:
    """The mock upstream, on the load's CPU."""
    port = machine.free_port()
    with tempfile.TemporaryDirectory(prefix="bench-upstream-") as folder:
        command = [sys.executable, "-m", "bench.upstream", str(port)]
        server = start(command, port, Path(folder), REPOSITORY, machine.LOAD_CPU)
        try:
            yield server
            server.check()
        finally:
            server.stop()


def nginx() -> Proxy:
    program = find("nginx")
    return Proxy("nginx", (program, "-p", "{home}", "-c", "{config}"), (program, "-v"), NGINX_CONFIG)


def relay(command: str | None, config: str = RELAY_CONFIG) -> Proxy:
    """The relay of this environment, or whatever `command` starts in its place."""
    if command is not None:
        words = tuple(shlex.split(command))
    else:
        words = (str(Path(sys.executable).with_name("cc-relay")), "serve", "--config", "{config}")
    if shutil.which(words[0]) is None:
        raise RigError(f"{words[0]} is not there; `./dev setup` installs the relay")
    return Proxy("relay", words, (words[0], "--version"), config)


def find(program: str) -> str:
    """Where a Debian program is: daemons live outside of an ordinary user's PATH. Raises RigError where missing."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RigError(f"{program} is needed:  apt-get install --no-install-recommends nginx wrk")
    return found
