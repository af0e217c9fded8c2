"""What the management API needs of the relay it manages."""

from typing import Protocol

from cc_relay.management.views import Overview, RequestView


class Control(Protocol):
    """A running relay, to its owner. Everything answers at once, from memory: nothing here may wait."""

    @property
    def capacity(self) -> int:
        """How many requests are remembered at most."""
        ...

    def find_request(self, id: str) -> RequestView | None:  # noqa: A002 -- what it is called everywhere
        """The newest request of that id (clients may choose theirs), None where none is remembered."""
        ...

    def recent_requests(self, limit: int) -> list[RequestView]:
        """At most `limit` (above zero), newest first."""
        ...

    def overview(self) -> Overview: ...
