"""The relay's decisions over a simulated day: the real policies on virtual time, without sockets and without asyncio."""
