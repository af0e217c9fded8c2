"""The client's side: a listener, its connections, and the way back to each client."""

from cc_relay.net.downstream.limits import Limits
from cc_relay.net.downstream.listener import Listener, listen
from cc_relay.net.downstream.responder import Responder

__all__ = ["Limits", "Listener", "Responder", "listen"]
