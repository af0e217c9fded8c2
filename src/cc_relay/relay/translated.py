"""An upstream's answer in Anthropic's words, where the upstream does not speak them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cc_relay.errors import Stage, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.exchange import Headers, Translation
    from cc_relay.relay.ports import Incoming, Sink

REPLACED = frozenset({b"content-type", b"content-length"})


class Translated:
    """Fits `Incoming`: the head and the bytes of another one, translated on their way.

    A break after the head is an error event at the end of what was translated: unlike one that passes its upstream's
    bytes on, a translated stream can always say how it ended.
    """

    __slots__ = ("_incoming", "_is_at_end", "_translation", "headers", "length", "named", "status")

    def __init__(self, incoming: Incoming, translation: Translation) -> None:
        self._incoming = incoming
        self._translation = translation
        self._is_at_end = False
        self.status = incoming.status
        self.length: int | None = None
        kept = [line for line in incoming.headers if line[0] not in REPLACED]
        self.headers: Headers = [(b"content-type", translation.media_type), *kept]
        self.named: Mapping[bytes, bytes] = dict(self.headers)

    def __repr__(self) -> str:
        return f"<Translated {self._incoming!r}>"

    async def receive(self, deadline_at: float) -> bytes | None:
        """The next bytes of the body; b"" at its end, None when `deadline_at` came first."""
        while not self._is_at_end:
            data = await self._incoming.receive(deadline_at)
            if data is None:
                return None
            translated = self._translate(data) if data else self._end()
            if translated:
                return translated
        return b""

    def take_whole(self) -> bytes | None:
        """The whole body where it has already ended, None where more of it is to come."""
        data = self._incoming.take_whole()
        return None if data is None else self._translate(data) + self._end()

    async def splice(self, sink: Sink, deadline_at: float) -> None:
        """Hand every further byte to `sink`, and an error event where the upstream breaks; return at the end."""
        incoming, translation = self._incoming, self._translation

        def pass_on(data: bytes) -> None:
            try:
                translated = translation.receive_data(data)
            except ValueError as error:
                incoming.break_off(nonsense(error))
                return
            if translated:
                sink(translated)

        try:
            await incoming.splice(pass_on, deadline_at)
        except UpstreamError:
            last = self._end()
            if not last:
                raise
        else:
            last = self._end()
        if last:
            sink(last)

    def pause(self) -> None:
        self._incoming.pause()

    def resume(self) -> None:
        self._incoming.resume()

    def break_off(self, error: UpstreamError) -> None:
        self._incoming.break_off(error)

    def close(self) -> None:
        """Let go of the connection; idempotent."""
        self._incoming.close()

    def _translate(self, data: bytes) -> bytes:
        try:
            return self._translation.receive_data(data)
        except ValueError as error:
            raise nonsense(error) from error

    def _end(self) -> bytes:
        if self._is_at_end:
            return b""
        self._is_at_end = True
        try:
            return self._translation.receive_eof()
        except ValueError as error:
            raise nonsense(error) from error


def nonsense(error: ValueError) -> UpstreamError:
    """What came is not what it claims to be."""
    return UpstreamError(f"not what it claims to be: {error}", stage=Stage.BODY)
