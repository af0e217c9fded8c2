"""Prose for answers: seeded, cheap, and split into tokens."""

import re
from random import Random

VOCABULARY = """
a the this that each every one of in on with through after before relay stream token upstream answer request
header frame block tool result prompt cache key limit window retry breaker probe signal steady quiet careful
small large first last next slow fast holds reads writes sends keeps counts waits ends begins returns follows
carries measures file test line module function value change reason order path name
""".split()  # noqa: SIM905 -- prose reads better than seventy quoted words

BOOK_WORDS = 4096
PIECE = re.compile(r"\s*\S{1,8}|\s+")


def pieces(text: str) -> list[str]:
    """Split text into what counts as one output token each; joined they are the text again."""
    return PIECE.findall(text)


def count_tokens(text: str) -> int:
    return len(pieces(text))


def count_input(size: int) -> int:
    """LLM tokens of so many bytes of input: four bytes a token, the usual rule of thumb."""
    return (size + 3) // 4


class Book:
    """A long seeded text that answers are cut from, so that a thousand of them cost almost nothing."""

    def __init__(self, seed: int) -> None:
        dice = Random(f"book {seed}")  # noqa: S311 -- prose, not secrets
        sentence: list[str] = []
        words: list[str] = []
        while len(words) < BOOK_WORDS:
            sentence = dice.choices(VOCABULARY, k=dice.randint(6, 14))
            words += [sentence[0].capitalize(), *sentence[1:-1], sentence[-1] + "."]
        # The space in front keeps the seam clean where an excerpt runs over the end.
        self._tokens = pieces(" " + " ".join(words))

    def __repr__(self) -> str:
        return f"<Book {len(self._tokens)} tokens>"

    def excerpt(self, tokens: int, dice: Random) -> str:
        """A text of exactly so many tokens."""
        start = dice.randrange(len(self._tokens))
        taken = self._tokens[start : start + tokens]
        while len(taken) < tokens:
            taken += self._tokens[: tokens - len(taken)]
        # A leading space would be part of the first token: dropping it keeps the count.
        return "".join(taken).lstrip()
