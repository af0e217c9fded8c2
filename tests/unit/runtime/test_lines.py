"""What log lines are made of."""

import pytest

from cc_relay.runtime.lines import LONGEST, coloured, escaped, milliseconds, printable, short, stamp


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000.9999, "2023-11-14T22:13:20.999Z"),
    ],
)
def test_an_instant_is_utc_to_the_millisecond(seconds: float, shown: str) -> None:
    assert stamp(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, 0.0), (0.0003, 0.3), (0.00004, 0.0), (0.41236, 412.4)])
def test_a_duration_is_rounded_to_a_tenth_of_a_millisecond(seconds: float, shown: float) -> None:
    assert milliseconds(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (10_345, "10.3k"), (999_949, "999.9k"), (999_999, "1.0M")],
)
def test_a_count_is_short(count: int, shown: str) -> None:
    assert short(count) == shown


def test_long_text_is_cut_visibly() -> None:
    assert printable("x" * 10_000) == "x" * LONGEST + "…"


@pytest.mark.parametrize(
    ("text", "shown"), [("glm-5", "glm-5"), ("a\nb\x1b[m", "a?b?[m"), ("\x9b\ud800é", "??é"), ("a b", "a b")]
)
def test_what_does_not_print_is_a_question_mark(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(("text", "shown"), [("a\nb", "a\\nb"), ("\x1b", "\\x1b"), ("\u2028", "\\u2028"), ("é", "é")])
def test_what_does_not_print_can_be_shown_as_python_writes_it(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_colour_ends_with_its_text() -> None:
    assert coloured("200", 32) == "\x1b[32m200\x1b[0m"
