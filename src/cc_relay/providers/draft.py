"""The fields of a body on its way out: as they came, and what changed."""

from collections.abc import Mapping

from msgspec import Raw

from cc_relay.providers.raw_json import Object, is_object, read_object


class Draft:
    """A Messages body under change. `changes` hold only what differs from `came`."""

    __slots__ = ("came", "changes")

    def __init__(self, came: Mapping[str, Raw]) -> None:
        self.came = came
        self.changes: dict[str, bytes | None] = {}

    def __getitem__(self, name: str) -> Raw:
        value = self.get(name)
        if value is None:
            raise ValueError(f"no {name}")
        return value

    def get(self, name: str) -> Raw | None:
        """The field as it stands; None where there is none (left)."""
        if name not in self.changes:
            return self.came.get(name)
        changed = self.changes[name]
        return None if changed is None else Raw(changed)

    def read(self, name: str) -> Object:
        """The field as it stands, as an object: empty where it is not there, or null.

        Raises ValueError where it is something else.
        """
        return _read(self.get(name))

    def read_came(self, name: str) -> Object:
        """`read`, of the field as it came."""
        return _read(self.came.get(name))

    def put(self, name: str, value: bytes | None) -> None:
        """Change a field; None removes it."""
        came = self.came.get(name)
        if value == (None if came is None else bytes(came)):
            self.changes.pop(name, None)
        else:
            self.changes[name] = value


def _read(value: Raw | None) -> Object:
    if value is None or bytes(value) == b"null":
        return {}
    if not is_object(value):
        raise ValueError("not an object")
    return read_object(value)
