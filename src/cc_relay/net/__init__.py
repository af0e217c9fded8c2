"""Every socket of the data plane: HTTP/1.1 on both sides, bytes in between."""
