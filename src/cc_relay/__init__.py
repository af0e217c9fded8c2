"""cc-relay: one Anthropic-compatible endpoint in front of many upstreams."""

__version__ = "0.1.0"
