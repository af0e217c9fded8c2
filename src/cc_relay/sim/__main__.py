"""`python -m cc_relay.sim`: run one simulated provider by hand."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from cc_relay.exchange import AwsKeys
from cc_relay.sim.dialects import DIALECTS
from cc_relay.sim.faults import FAULTS, FaultRule
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import EXAMPLE_KEYS, SimSettings


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m cc_relay.sim", description="A simulated provider.")
    options.add_argument("--dialect", choices=sorted(DIALECTS), default="anthropic")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0, help="0 is any free one (default)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--speed", type=float, default=0.0, help="output tokens a second; 0 is as fast as possible")
    options.add_argument("--first-token", type=float, default=0.0, help="seconds until the first content")
    options.add_argument("--text-tokens", type=int, default=60, help="length of an answer nobody steered")
    options.add_argument("--tokens-per-event", type=int, default=4)
    options.add_argument(
        "--key", action="append", default=[], help="a credential to let in; without any, all are (clouds: none is)"
    )
    options.add_argument(
        "--model", action="append", default=[], help="one more to serve; NAME=MODEL under a name of its own"
    )
    options.add_argument("--rpm", type=int, default=0, help="requests a minute for each key; 0 is no limit")
    options.add_argument("--itpm", type=int, default=0, help="input tokens a minute")
    options.add_argument("--otpm", type=int, default=0, help="output tokens a minute")
    _add_cloud_options(options)
    options.add_argument(
        "--fault",
        action="append",
        default=[],
        type=fault,
        metavar="NAME[=PROBABILITY]",
        help="always or sometimes fail: " + ", ".join(FAULTS),
    )
    return options


def _add_cloud_options(options: argparse.ArgumentParser) -> None:
    clouds = options.add_argument_group("clouds")
    clouds.add_argument(
        "--aws-key",
        action="append",
        default=[],
        type=aws_keys,
        metavar="ID:SECRET[:TOKEN]",
        help=f"keys that may sign; without any, those of AWS's examples ({EXAMPLE_KEYS.access_key_id})",
    )
    clouds.add_argument("--region", default="", help="what AWS requests are signed for; Vertex's one location")
    clouds.add_argument("--project", default="", help="the one Google project let in")
    clouds.add_argument("--quota-project", default="", help="the one Google project that may pay")
    clouds.add_argument("--workspace", default="", help="the one workspace of Claude Platform on AWS")
    clouds.add_argument("--tenant", default="", help="the one Entra tenant")
    clouds.add_argument("--client", default="", metavar="ID:SECRET", help="who may ask for tokens")
    clouds.add_argument("--service-account-key", default="", metavar="FILE", help="a public key, PEM")
    clouds.add_argument("--token-lifetime", type=float, default=3600.0, help="seconds a token is good for")
    clouds.add_argument("--clock-offset", type=float, default=0.0, help="seconds this provider's clock is ahead")
    clouds.add_argument("--model-errors", choices=["text", "json", "envelope"], default="text", help="Bedrock's shape")


def aws_keys(text: str) -> AwsKeys:
    """Read `ID:SECRET` or `ID:SECRET:TOKEN`."""
    name, _, rest = text.partition(":")
    secret, _, token = rest.partition(":")
    if not name or not secret:
        raise argparse.ArgumentTypeError("expected ID:SECRET or ID:SECRET:TOKEN")
    return AwsKeys(name, secret, token)


def fault(text: str) -> FaultRule:
    """Read `529` or `529=0.1`."""
    name, _, probability = text.partition("=")
    if name not in FAULTS:
        raise argparse.ArgumentTypeError(f"no fault is called {name!r}")
    try:
        return FaultRule(fault=name, probability=float(probability or 1.0))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{probability!r} is no probability") from None


def settings(arguments: argparse.Namespace) -> SimSettings:
    return SimSettings(
        dialect=arguments.dialect,
        seed=arguments.seed,
        speed=arguments.speed,
        first_token=arguments.first_token,
        text_tokens=arguments.text_tokens,
        tokens_per_event=max(1, arguments.tokens_per_event),
        keys=tuple(arguments.key),
        rpm=arguments.rpm,
        itpm=arguments.itpm,
        otpm=arguments.otpm,
        models=tuple(arguments.model),
        faults=tuple(arguments.fault),
        aws_keys=tuple(arguments.aws_key) or (EXAMPLE_KEYS,),
        region=arguments.region,
        project=arguments.project,
        quota_project=arguments.quota_project,
        workspace=arguments.workspace,
        tenant=arguments.tenant,
        client_id=arguments.client.partition(":")[0],
        client_secret=arguments.client.partition(":")[2],
        service_account_key=_text(arguments.service_account_key),
        token_lifetime=arguments.token_lifetime,
        clock_offset=arguments.clock_offset,
        model_errors=arguments.model_errors,
    )


def _text(path: str) -> str:
    return Path(path).read_text() if path else ""


async def run(simulated: SimSettings, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    simulator = Simulator(simulated)
    await simulator.start(host, port)
    sys.stdout.write(f"simulated {simulated.dialect} on {simulator.url}\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await simulator.close()


def main(argv: list[str] | None = None) -> None:
    arguments = parser().parse_args(argv)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(run(settings(arguments), arguments.host, arguments.port))


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


if __name__ == "__main__":
    main()
