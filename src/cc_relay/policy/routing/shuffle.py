"""`shuffle`: dealt from a shuffled deck, everyone once before anyone twice."""

from collections.abc import Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender
from cc_relay.policy.routing.memory import MEMORY, forget_absent

_ROUND = 1 << 32
"""A card is the round in which it lies plus its chance place there; in whole numbers, so that no round is too late."""


class Shuffle:
    """Each name holds a card; the lowest goes first and gets a new one in the next round.

    Who is new, or was away for rounds, joins the round being dealt and makes up for nothing.
    """

    __slots__ = ("_cards",)

    name: ClassVar[str] = "shuffle"
    is_placing: ClassVar[bool] = True
    is_static: ClassVar[bool] = False
    is_strict: ClassVar[bool] = False

    def __init__(self) -> None:
        self._cards: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Shuffle {len(self._cards)} names | round {max(self._cards.values(), default=0) // _ROUND}>"

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        if not contenders:
            return contenders
        cards = self._cards
        hand = [cards.get(contender.name, -1) for contender in contenders]
        # The cards are of one round, or of two where the deck is half dealt.
        oldest = max(max(hand) // _ROUND - 1, 0) * _ROUND
        if min(hand) < oldest:
            self._join(contenders, ask, oldest)
        order = sorted(contenders, key=lambda contender: cards[contender.name])
        first = order[0].name
        cards[first] = (cards[first] // _ROUND + 1) * _ROUND + int(ask.dice() * _ROUND)
        if len(cards) > MEMORY:
            forget_absent(cards, contenders)
        return order

    def reason(self, contender: Contender, ask: Ask) -> str:
        card = self._cards.get(contender.name)
        return "not dealt yet" if card is None else f"next in round {card // _ROUND + 1} of the deck"

    def _join(self, contenders: Sequence[Contender], ask: Ask, oldest: int) -> None:
        """Give a card of the round being dealt to everyone whose own is below `oldest`."""
        cards = self._cards
        held = [card for contender in contenders if (card := cards.get(contender.name, -1)) >= oldest]
        begin = min(held, default=0) // _ROUND * _ROUND
        for contender in contenders:
            if cards.get(contender.name, -1) < oldest:
                cards[contender.name] = begin + int(ask.dice() * _ROUND)
