"""Did you mean: the nearest word to a misspelt one."""

from collections.abc import Iterable

_LONGEST_WORD = 64


def closest(word: str, options: Iterable[str]) -> str | None:
    """The option most like `word`; None where none is alike. Case and the kind of dash do not count."""
    if not word or len(word) > _LONGEST_WORD:
        return None
    # Imported late: only a mistake pays for it.
    from difflib import get_close_matches

    folded = {_fold(option): option for option in options}
    matches = get_close_matches(_fold(word), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def _fold(word: str) -> str:
    return word.casefold().replace("-", "_")
