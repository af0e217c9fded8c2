"""Keeps the clouds' libraries out of the log: at level debug they write down answers whole, secrets and all."""

import logging

SILENT = logging.CRITICAL + 1


def hush(*libraries: str) -> None:
    """Let these libraries log nothing; what matters of them, their exceptions, is told in our words."""
    for library in libraries:
        logging.getLogger(library).setLevel(SILENT)
