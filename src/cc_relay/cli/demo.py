"""`cc-relay demo`: simulated providers, the relay, live traffic."""

import click

from cc_relay.cli.configuration import LISTEN_OPTION


@click.command(short_help="Try it out: simulated providers, the relay, live traffic.")
@LISTEN_OPTION
@click.option("--once", is_flag=True, help="Send a short burst, print a summary, and end.")
@click.pass_context
def demo(ctx: click.Context, listen: str | None, once: bool) -> None:  # noqa: FBT001  click's shape
    """Try the relay out, without an account or a key.

    Two simulated providers stand behind it; the first fails now and then, and the relay mends it with the second. With
    --once the exit code is 70 if a request failed for its client.
    """
    import asyncio

    from cc_relay.cli.demo_stage import burst_and_summary, run, watch_until_told
    from cc_relay.runtime.loops import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        code = runner.run(run(listen, burst_and_summary if once else watch_until_told))
    click.echo("\nThe demo is over. The real thing: `cc-relay serve`.")
    ctx.exit(code)
