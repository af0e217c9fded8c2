"""Where an Ollama is looked for."""

import pytest

from cc_relay.cli.ollama import address


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ("127.0.0.1", 11434)),
        ("0.0.0.0", ("127.0.0.1", 11434)),
        ("0.0.0.0:1234", ("127.0.0.1", 1234)),
        (":1234", ("127.0.0.1", 1234)),
        ("box", ("box", 11434)),
        ("http://box:1234/", ("box", 1234)),
        ("[::1]:1234", ("::1", 1234)),
        ("box:nonsense", ("box", 11434)),
    ],
)
def test_the_address_is_read_as_ollama_reads_it(said: str, expected: tuple[str, int]) -> None:
    assert address({"OLLAMA_HOST": said}) == expected
