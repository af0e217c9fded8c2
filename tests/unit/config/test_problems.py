"""How a problem reads."""

import pytest

from cc_relay.config import ConfigErrors, Problem
from cc_relay.config.problems import show_path
from cc_relay.config.suggest import closest


def test_a_problem_reads_place_path_message_suggestion() -> None:
    problem = Problem(12, 5, "providers[0].keys[0].rpm_limt", "unknown key", "rpm_limit", source="config.yaml")
    assert str(problem) == "config.yaml:12:5: providers[0].keys[0].rpm_limt: unknown key; did you mean rpm_limit?"
    assert str(Problem(None, None, "", "is empty", source="c.yaml")) == "c.yaml: is empty"


def test_problems_are_told_in_the_order_of_the_file_with_its_name() -> None:
    errors = ConfigErrors([Problem(2, 1, "b", "x"), Problem(None, None, "", "y"), Problem(1, 9, "a", "z")], source="f")
    assert str(errors) == "f: y\nf:1:9: a: z\nf:2:1: b: x"


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        (("providers", 0, "name"), "providers[0].name"),
        (("a", "claude-4.5"), 'a."claude-4.5"'),
        (("a", "x\ny"), "a.'x\\ny'"),
        (("a", "sk-ant-secret"), 'a."sk-ant…"'),
        (("a", "x" * 49), 'a."xxxxxx…"'),
        ((), ""),
    ],
)
def test_a_path_fits_one_line_and_hides_a_pasted_key(loc: tuple[str | int, ...], path: str) -> None:
    assert show_path(loc) == path


@pytest.mark.parametrize(
    ("word", "found"),
    [("rpm_limt", "rpm_limit"), ("RPM-Limit", "rpm_limit"), ("zzz", None), ("", None), ("r" * 65, None)],
)
def test_the_nearest_word_is_found(word: str, found: str | None) -> None:
    assert closest(word, ["rpm_limit", "weight"]) == found
