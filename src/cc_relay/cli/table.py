"""Rows of text as aligned columns."""

from collections.abc import Iterable, Sequence

import click


def columns(rows: Iterable[Sequence[str]], *, heading: Sequence[str] = ()) -> list[str]:
    """One line for each row; cells may be styled. The last column is not padded."""
    table = [[click.style(cell, dim=True) for cell in heading], *rows] if heading else list(rows)
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*table, strict=True)]
    return ["  ".join(map(_pad, row, widths)).rstrip() for row in table]


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - len(click.unstyle(cell)))
