"""What the command line says over the configuration."""

from msgspec import Struct


class ServeOptions(Struct, frozen=True):
    """None means: as configured."""

    listen: str | None = None
    log_level: str | None = None
    log_format: str | None = None
    debug: bool = False
    insecure: bool = False
