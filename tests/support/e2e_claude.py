"""The real Claude Code client as a process: `claude -p` with a home of its own, pointed at a relay."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from tests.support.e2e_process import Running
from tests.support.e2e_stage import RELAY_KEY

PLACE = Path(__file__).parents[2] / ".venv-claude" / "node_modules" / "@anthropic-ai"
SESSION_SECONDS = 40.0
Json = dict[str, object]


def find_program() -> Path | None:
    """The program inside the package of this platform, which needs neither Node nor an install script."""
    return next(iter(sorted(PLACE.glob("claude-code-*/claude"))), None)


class Claude(Running):
    """One session of `claude -p`; it ends by itself when the conversation is over."""

    def __init__(
        self,
        prompt: str,
        *arguments: str,
        relay_url: str,
        home: Path,
        tools: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`tools` may run without asking. `home` holds the settings, the prompt, and the working directory `work`."""
        program = find_program()
        assert program is not None, "Claude Code is not installed: ./dev test claude-code"
        work = home / "work"
        work.mkdir(parents=True, exist_ok=True)
        command = [str(program), "-p", "--output-format", "stream-json", "--verbose", *arguments]
        if tools:
            command += ["--allowedTools", ",".join(tools)]
        said = home / "prompt.txt"
        said.write_text(prompt)
        with said.open("rb") as stdin:
            surroundings = claude_environ(home, relay_url) | dict(environ or {})
            super().__init__(command, environ=surroundings, directory=work, stdin=stdin)

    @property
    def events(self) -> list[Json]:
        """The lines of stream-json so far."""
        return [msgspec.json.decode(line, type=Json) for line in self.lines if line.startswith("{")]

    def of_type(self, kind: str, subtype: str | None = None) -> list[Json]:
        return [event for event in self.events if event["type"] == kind and subtype in (None, event.get("subtype"))]

    def result(self) -> Json:
        """Wait for the end of the session; its last word. Raises AssertionError with the whole output."""
        code = self.end(SESSION_SECONDS)
        results = self.of_type("result")
        assert results, f"exit code {code}, no result:\n{''.join(self.lines)}"
        return results[-1] | {"exit_code": code}


def claude_environ(home: Path, relay_url: str) -> dict[str, str]:
    """Nothing of the developer's own settings; no traffic but the conversation's."""
    return {
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "PATH": os.environ["PATH"],
        "ANTHROPIC_BASE_URL": relay_url,
        "ANTHROPIC_AUTH_TOKEN": RELAY_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
