"""The providers' side: dialing, kept connections, answers that arrive in pieces."""

from cc_relay.net.upstream.client import UpstreamClient

__all__ = ["UpstreamClient"]
