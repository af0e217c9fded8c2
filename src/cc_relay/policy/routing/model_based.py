"""`model_based`: each model has its provider, by the longest prefix of its name."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender


class ModelBased:
    """The provider of the longest prefix, then the default one, then the others by priority.

    `mapping` is prefix to provider's name; a `*` at a prefix's end says nothing more. `default` "" is none.
    """

    __slots__ = ("_default", "_lengths", "_providers")

    name: ClassVar[str] = "model_based"
    is_placing: ClassVar[bool] = False
    is_static: ClassVar[bool] = True
    is_strict: ClassVar[bool] = True

    def __init__(self, mapping: Mapping[str, str], default: str) -> None:
        self._providers = {prefix.removesuffix("*"): provider for prefix, provider in mapping.items()}
        self._lengths = sorted({len(prefix) for prefix in self._providers}, reverse=True)
        self._default = default

    def __repr__(self) -> str:
        return f"<ModelBased {len(self._providers)} prefixes | default {self._default or 'none'}>"

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        prefix = self._prefix(ask.model)
        mapped = "" if prefix is None else self._providers[prefix]
        default = self._default

        def place(contender: Contender) -> int:
            name = contender.name
            return 0 if name == mapped else 1 if name == default else 2

        return sorted(contenders, key=place)

    def reason(self, contender: Contender, ask: Ask) -> str:
        prefix = self._prefix(ask.model)
        if prefix is not None and self._providers[prefix] == contender.name:
            return f"model prefix '{prefix}'"
        return "default provider" if contender.name == self._default else f"priority {contender.priority}"

    def _prefix(self, model: str) -> str | None:
        for length in self._lengths:
            # A name shorter than this is whole here, and then found at its own length.
            if model[:length] in self._providers:
                return model[:length]
        return None
