"""`cc-relay doctor` before simulated clouds: what is fine is said to be, and what is not gets its fix named."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.echo import closed_port
from tests.support.sim_clouds import public_key, service_account
from tests.support.staged import CLOUDS, ENTRA, PROJECT, SECRETS, WAYS, Json, assert_discreet, issued_by

from cc_relay.sim.clouds.bedrock_models import ACCOUNT
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import SimSettings

OPUS = "claude-opus-5-5"
COMMAND = (sys.executable, "-m", "cc_relay")


class Clinic:
    """Simulated providers, and the configuration that the doctor is to look at."""

    def __init__(self, exits: AsyncExitStack, home: Path) -> None:
        self._exits = exits
        self._home = home
        self._sims: list[Simulator] = []
        self._providers: list[Json] = []
        self._environ: dict[str, str] = {}

    async def add(self, name: str, way: str, sim: Json | None = None, **entry: object) -> Simulator:
        """A provider reached by `way`, its simulator and its settings changed by `sim` and `entry`."""
        at = WAYS[way]
        simulator = Simulator(SimSettings(dialect=at.dialect, **at.sim | (sim or {})))
        await simulator.start()
        self._exits.push_async_callback(simulator.close)
        self._sims.append(simulator)
        base_url = simulator.url + at.path
        self._providers.append({"name": name, "base_url": base_url, **at.entry, **entry})
        self._environ |= at.environ(simulator.url)
        return simulator

    async def examine(self, environ: Mapping[str, str] | None = None) -> tuple[int | None, dict[str, str]]:
        """The exit code, and the doctor's line on each provider."""
        config = self._home / "config.yaml"
        config.write_text(json.dumps({"providers": self._providers}))
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            "doctor",
            env={"HOME": str(self._home), "PATH": os.environ["PATH"], **self._environ, **(environ or {})},
            cwd=self._home,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await asyncio.wait_for(process.communicate(), 40))[0].decode()
        assert "Traceback" not in said, said
        assert_discreet(said, (*SECRETS, *(secret for sim in self._sims for secret in issued_by(sim))))
        lines = {line.split()[1]: line for line in said.splitlines() if line.startswith(("ok", "problem"))}
        assert list(lines) == [one["name"] for one in self._providers], said
        return process.returncode, lines


async def test_the_doctor_finds_every_cloud_well(tmp_path: Path) -> None:
    async with AsyncExitStack() as exits:
        clinic = Clinic(exits, tmp_path)
        for way in CLOUDS:
            await clinic.add(way, way)
        await clinic.add("bedrock-of-a-machine", "bedrock", aws_access_key_id="", aws_secret_access_key="")
        container = clinic._sims[-1].url + "/aws/credentials"
        await clinic.add("vertex-by-file", "vertex", {"service_account_key": public_key()}, access_token="",
                         credentials_file=str(tmp_path / "account.json"))  # fmt: skip
        (tmp_path / "account.json").write_text(json.dumps(service_account(clinic._sims[-1].url + "/token")))
        code, lines = await clinic.examine({
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": container, "AWS_EC2_METADATA_DISABLED": "true",
        })  # fmt: skip
    assert {name: line.split()[0] for name, line in lines.items()} == dict.fromkeys(lines, "ok")
    assert all("answers" in line for line in lines.values())
    assert code == 0


async def test_the_doctor_names_the_fix_for_each_cloud(tmp_path: Path) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/gone"
    nowhere = f"http://127.0.0.1:{closed_port()}"
    fixes: dict[str, tuple[str, ...]] = {}
    async with AsyncExitStack() as exits:
        clinic = Clinic(exits, tmp_path)

        async def ill(name: str, way: str, *words: str, sim: Json | None = None, **entry: object) -> Simulator:
            fixes[name] = words
            return await clinic.add(name, way, sim, **entry)

        denied = {"fault": "403", "everywhere": True}
        await ill("wrong-secret", "bedrock", "secret key does not fit its access key", aws_secret_access_key="guessed")
        await ill("wrong-id", "bedrock", "does not know its access key", aws_access_key_id="AKIDNOBODY")
        await ill("wrong-token", "bedrock-by-token", "not valid, or has expired", bearer_token="guessed")
        await ill("clock-behind", "bedrock", "clock is off, about 60 minutes behind", sim={"clock_offset": 3600.0})
        await ill("clock-ahead", "platform", "clock is off, about 60 minutes ahead", sim={"clock_offset": -3600.0})
        await ill("no-profile", "bedrock", "there is no such profile", "aws configure list-profiles",
                  aws_access_key_id="", aws_secret_access_key="", aws_profile="missing")  # fmt: skip
        await ill(
            "unserved",
            "bedrock",
            "check aws_region",
            "this region may have the model by another profile",
            models=["claude-opus-5-9"],
        )
        await ill("no-such-profile-arn", "bedrock", "model_mapping", models=[OPUS], model_mapping={OPUS: arn})
        await ill("no-access", "bedrock", "enable the model for the AWS account", "bedrock:InvokeModel",
                  sim={"faults": (rule(**denied),)})  # fmt: skip
        await ill("elsewhere", "bedrock", "check aws_region", sim={"region": "eu-west-1"})
        await ill("no-mantle-model", "mantle", "does not have the model", models=["anthropic.claude-opus-5-9"])
        await ill("no-workspace", "platform", "aws_workspace_id", sim={"workspace": "wrkspc_2"})
        await ill("vertex-token", "vertex", "access token is missing, expired or revoked", access_token="guessed")
        await ill(
            "vertex-nowhere", "vertex", "does not have the model", "check gcp_region", sim={"region": "europe-west1"}
        )
        await ill("vertex-model", "vertex", "does not have the model", models=["claude-opus-5-9"])
        await ill(
            "vertex-project", "vertex", "roles/aiplatform.user", gcp_project_id="another", sim={"project": "x1y2"}
        )
        scoped = await ill("vertex-scope", "vertex-by-machine", "cloud-platform")
        scope(scoped, "https://www.googleapis.com/auth/devstorage.read_only")
        await ill("azure-key", "azure", "azure_resource_name", keys=["guessed"])
        await ill("azure-path", "azure", "/anthropic", sim={}, keys=["upstream-secret-key"])
        clinic._providers[-1]["base_url"] = clinic._sims[-1].url
        await ill(
            "azure-deployment",
            "azure",
            "does not have the model",
            "deploy it in the resource",
            models=["claude-opus-5-9"],
        )
        await ill("azure-scope", "azure-by-entra", "audience")
        scope(clinic._sims[-1], "https://graph.microsoft.com/.default")
        for name, way in (("gone-bedrock", "bedrock"), ("gone-vertex", "vertex"), ("gone-azure", "azure")):
            await ill(name, way, "nothing listens at")
            clinic._providers[-1]["base_url"] = nowhere
        code, lines = await clinic.examine({"AWS_EC2_METADATA_DISABLED": "true"})
    missing = {
        name: lines[name] for name, words in fixes.items()
        if not lines[name].startswith("problem") or not all(word in lines[name] for word in words)
    }  # fmt: skip
    assert not missing, "\n".join(missing.values())
    assert code == 1
    assert PROJECT not in str(lines)


def rule(**fields: object):
    from cc_relay.sim.faults import FaultRule

    return FaultRule(**fields)  # type: ignore[arg-type]


def scope(sim: Simulator, scope: str) -> None:
    """Whatever is asked for, its tokens are good for something else."""
    tokens = sim.engine.tokens
    issue, issue_jwt = tokens.issue, tokens.issue_jwt
    tokens.issue = lambda prefix, _, now, **more: issue(prefix, scope, now, **more)  # type: ignore[method-assign]
    tokens.issue_jwt = lambda _, now, claims: issue_jwt(scope, now, claims)  # type: ignore[method-assign]


async def test_the_doctor_names_what_is_wrong_with_a_client_secret(tmp_path: Path) -> None:
    async with AsyncExitStack() as exits:
        clinic = Clinic(exits, tmp_path)
        await clinic.add("entra", "azure-by-entra")
        code, lines = await clinic.examine(ENTRA | {"AZURE_CLIENT_SECRET": "guessed-secret"})
    assert "AZURE_CLIENT_SECRET is wrong" in lines["entra"]
    assert "guessed-secret" not in lines["entra"]
    assert code == 1
