"""Aligned columns."""

import click

from cc_relay.cli.table import columns


def test_columns_line_up_whatever_their_style() -> None:
    lines = columns([(click.style("a", fg="red"), "1"), ("long", "2")])
    assert [click.unstyle(line) for line in lines] == ["a     1", "long  2"]


def test_no_rows_are_no_lines() -> None:
    assert columns([]) == []
