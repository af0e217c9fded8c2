"""The relay's decisions over a simulated day: the real policies on virtual time, no sockets and no asyncio."""
