"""What every section of the file has in common."""

from math import inf

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

NO_SECRET = SecretStr("")


def seconds(milliseconds: int) -> float:
    """A time of the file in seconds."""
    return milliseconds / 1000


def limit(milliseconds: int) -> float:
    """Seconds; `inf` where the file says 0, which means no limit."""
    return milliseconds / 1000 if milliseconds else inf


class Section(BaseModel):
    """A mapping of known keys. A key set to nothing (null) counts as not set."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, value: object) -> object:
        if value is None:
            return {}
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}
        return value
