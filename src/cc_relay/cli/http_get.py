"""One GET to a relay on its data plane."""

from http.client import HTTPConnection, HTTPException

from cc_relay.config import Listen

PATIENCE = 2.0
"""Seconds for a relay on this machine to answer."""

_LARGEST_ANSWER = 4 << 20


class NoAnswer(Exception):
    """Nobody answered, or not in HTTP; the message says which."""


def get(address: Listen, path: str, *, credential: str = "") -> tuple[int, bytes]:
    """Status and body. `credential` is what the relay's clients send, "" where it needs none. Raises NoAnswer."""
    connection = HTTPConnection(address.host, address.port, timeout=PATIENCE)
    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {credential}"} if credential else {})
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST_ANSWER)
    except ConnectionRefusedError as error:
        raise NoAnswer("nothing listens there") from error
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {PATIENCE:g} s") from error
    except OSError as error:
        raise NoAnswer(error.strerror or str(error)) from error
    except HTTPException as error:
        raise NoAnswer("what answers there does not speak HTTP") from error
    finally:
        connection.close()
