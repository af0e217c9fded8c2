"""The life cycle of a request: reads like its table of contents, touches no socket."""
