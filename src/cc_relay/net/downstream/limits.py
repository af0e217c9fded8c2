"""What one client may ask of a listener."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Sizes in bytes, times in seconds.

    `body_silence` is how long a body may make no progress; `idle` how long a kept connection may stay unused (Claude
    Code was seen to reuse one after 110 s); `linger` how long a refused body is read and dropped so that the refusal
    arrives; `pipelined` how many requests may wait behind the one in work before reading stops; `unsent` how much may
    wait for a slow reader before the upstream is held back.
    """

    head_size: int = 65_536
    body_size: int = 33_554_432
    head_time: float = 30.0
    body_silence: float = 60.0
    idle: float = 620.0
    linger: float = 2.0
    pipelined: int = 8
    unsent: int = 131_072
