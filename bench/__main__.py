"""`python -m bench`: the relay beside nginx; `… micro`: the hot functions alone; `… simulate`: a day of traffic."""

import argparse
import dataclasses
import sys
from datetime import UTC, datetime

from bench import machine, rows, table


def main(argv: list[str]) -> int:
    if argv[:1] == ["simulate"]:
        from bench.simulate import day

        return day.main(argv[1:])
    if argv[:1] == ["micro"]:
        from bench import micro

        return micro.main(argv[1:])
    options = parse(argv)
    effort = rows.QUICK if options.quick else rows.FULL
    if options.rounds:
        effort = dataclasses.replace(effort, rounds=options.rounds, paced_rounds=options.rounds)
    try:
        machine.require_linux()
        rig = rows.measure(options.only, effort, options.relay_command)
    except machine.RigError as error:
        print(f"\nbench: {error}", file=sys.stderr)
        return 1
    if options.markdown:
        print(table.markdown(rig.samples, f"{datetime.now(UTC):%Y-%m-%d}", machine.describe()))
    else:
        print(table.plain(rig.samples))
    if rig.disturbed:
        print(f"\n{rig.disturbed} of {rig.taken} samples were taken while other processes used the same CPUs.")
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Measure the relay beside nginx. `./dev bench micro` times the hot functions."
    )
    parser.add_argument("--quick", action="store_true", help="a minute and a half, and noisier")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=rows.MEASUREMENTS, help="of " + " ".join(rows.MEASUREMENTS)
    )
    parser.add_argument("--rounds", type=positive, metavar="N", help="rounds of every measurement")
    parser.add_argument("--markdown", action="store_true", help="the table as bench/README.md keeps it")
    parser.add_argument(
        "--relay-command",
        metavar="COMMAND",
        help="what to start as the relay; {config}, {port}, {upstream_port} and {home} are filled in",
    )
    options = parser.parse_args(argv)
    options.only = options.only or list(rows.MEASUREMENTS)
    return options


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
