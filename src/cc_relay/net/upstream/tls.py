"""The client side of TLS: whom to trust, which session to resume."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from weakref import WeakSet

from cc_relay.exchange import Origin

# Loops call `wrap_bio` when they please (asyncio at once, uvloop in a callback), always in the dialing task's context.
_dialed: ContextVar[Origin | None] = ContextVar("dialed", default=None)


class ResumingContext(ssl.SSLContext):
    """A client context that offers each origin the session of an earlier connection to it.

    Keyed by origin, since a session stands for a verified certificate.
    """

    def __init__(self, protocol: int) -> None:
        super().__init__()
        self._sessions: dict[Origin, ssl.SSLSession] = {}
        self._asked: WeakSet[ssl.SSLObject] = WeakSet()

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the signature of SSLContext
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        origin = _dialed.get()
        if session is None and origin is not None:
            session = self._sessions.get(origin)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    @contextmanager
    def resuming(self, origin: Origin) -> Iterator[None]:
        """Connections created inside are to `origin`; when that fails, its session is forgotten."""
        token = _dialed.set(origin)
        try:
            yield
        except BaseException:
            # A server that chokes on its own old ticket must not choke for ever.
            self._sessions.pop(origin, None)
            raise
        finally:
            _dialed.reset(token)

    def remember(self, origin: Origin, connection: ssl.SSLObject) -> None:
        """Keep the connection's session for the next one to `origin`.

        Call it after data came in: TLS 1.3 sends its tickets after the handshake. Looks once at each connection: a
        copy of its session costs some 200 us, which an upstream without tickets would make every exchange pay.
        """
        if connection in self._asked:
            return
        self._asked.add(connection)
        session = connection.session
        if session is not None and (session.has_ticket or session.id):
            self._sessions[origin] = session


def client_context(environ: Mapping[str, str]) -> ResumingContext:
    """Trust what the system trusts, and what SSL_CERT_FILE names; speak TLS 1.2 or newer.

    OpenSSL itself follows SSL_CERT_FILE and SSL_CERT_DIR of the process, but passes over a file it cannot read; here
    that raises OSError. Takes about 20 ms.
    """
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A certificate that was named as trusted is trusted, without the chain above it.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    context.load_default_certs()
    if file := environ.get("SSL_CERT_FILE"):
        _load(context, file)
    return context


def _load(context: ssl.SSLContext, file: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:
        detail = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise OSError(f"SSL_CERT_FILE names {file}, which cannot be used: {detail}") from error


_TRUST = "to trust it, set SSL_CERT_FILE to a PEM file with the certificate of its CA"
_NAME = "check the host in the provider's base_url"
_DATE = "its owner must renew it, or this machine's clock is wrong"

# OpenSSL's X509_V_ERR_* codes (openssl/x509_vfy.h); every other one is a matter of trust.
_ADVICE = MappingProxyType({9: _DATE, 10: _DATE, 62: _NAME, 64: _NAME})

# OpenSSL's names for "these bytes are not TLS", which differ between its versions.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})


def explain(error: ssl.SSLError) -> str:
    """Why a handshake failed and what to do about it, in words for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = _ADVICE.get(error.verify_code, _TRUST)
        return f"its certificate is not accepted ({error.verify_message.rstrip('.')}); {advice}"
    if error.reason in _NOT_TLS:
        return "it does not speak TLS on that port; a cleartext server needs http:// in the provider's base_url"
    return f"the TLS handshake failed ({error.reason or error})"
