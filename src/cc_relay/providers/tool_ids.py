"""Tool ids that Claude takes, in place of those it does not: `^[a-zA-Z0-9_-]+$`, each used once."""

import re

MARK = "ccr_"
"""How an id begins that was made here."""

_VALID = re.compile(r"[a-zA-Z0-9_-]+")
_ODD = re.compile(rb"[^a-zA-Z0-9-]")


class ToolIds:
    """The ids of one conversation, read from its beginning: so an id never changes when turns are added behind it."""

    __slots__ = ("_current", "originals")

    def __init__(self) -> None:
        self._current: dict[str, str] = {}
        self.originals: dict[str, str] = {}
        """The id as it came, by the id that travels."""

    def assign(self, came: str) -> str:
        """The id of the next tool call, which came as `came`."""
        new, repeats = came if _VALID.fullmatch(came) else made_id(came), 1
        while new in self.originals:
            repeats += 1
            new = f"{made_id(came)}__{repeats}"
        self.originals[new] = came
        self._current[came] = new
        return new

    def of(self, came: str) -> str:
        """The id by which a result names its call: the last call of that name."""
        known = self._current.get(came)
        if known is not None:
            return known
        return came if _VALID.fullmatch(came) else made_id(came)


def made_id(came: str) -> str:
    """`came` in letters Claude takes: every other byte of its UTF-8, and the underscore, as `_2e`."""
    escaped = _ODD.sub(lambda odd: b"_%02x" % odd[0][0], came.encode("utf-8", "surrogatepass"))
    return MARK + escaped.decode("ascii")
