"""Whose failures count: a session that fails alone while another is served says little about the upstream."""

from math import inf

WITNESS_SECONDS = 60.0
"""How long a session's success speaks for the upstream."""

MOST_SESSIONS = 256
"""Failing sessions that are remembered; those beyond count each time."""


class Witnesses:
    """The session that succeeded last, the last one beside it, and who has failed since a success.

    Two suffice: whoever fails, one of them is the last *other* session to succeed. A session None is nobody in
    particular, hence another one each time.
    """

    __slots__ = ("_failed", "_last", "_last_at", "_other", "_other_at")

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._last: str | None = None
        self._other: str | None = None
        self._last_at = self._other_at = -inf

    def __repr__(self) -> str:
        return f"<Witnesses {len(self._failed)} failing>"

    def success(self, session: str | None, now: float) -> None:
        """Hot: each success of a closed breaker comes here."""
        if session != self._last:
            self._other = self._last
            self._other_at = self._last_at
            self._last = session
        self._last_at = now

    def failure(self, session: str | None, now: float) -> bool:
        """Whether this failure counts.

        It does not where the session failed before and another one vouches for the upstream: that one succeeded less
        than WITNESS_SECONDS ago and has not failed itself since.
        """
        if session is None:
            return True
        if session in self._failed:
            return not self._is_contradicted(session, now)
        if len(self._failed) < MOST_SESSIONS:
            self._failed.add(session)
        return True

    def forgive(self) -> None:
        """Nobody has failed."""
        self._failed.clear()

    def forget(self) -> None:
        """Nobody vouches any more: what was seen before the upstream failed is no news of it."""
        self._last = self._other = None
        self._last_at = self._other_at = -inf

    def _is_contradicted(self, session: str, now: float) -> bool:
        if session == self._last:
            witness, at = self._other, self._other_at
        else:
            witness, at = self._last, self._last_at
        # A success that lies ahead was seen before the clock stepped back, nobody knows how long ago.
        return 0.0 <= now - at < WITNESS_SECONDS and witness not in self._failed
