"""Which models a provider serves, and by which name its upstream knows them."""

from collections.abc import Mapping

_LONG_CONTEXT = "[1m]"


class ModelNames:
    """The names of one provider.

    In this order: an exact entry of `mapping`; its patterns (`claude-*`, the longest prefix wins); the `models` list;
    and where that list is empty whatever begins with one of `known`, in any case (`""` knows everything).
    `catalogue` is what listings show when configuration names nothing.
    """

    def __init__(
        self,
        models: tuple[str, ...],
        mapping: Mapping[str, str],
        *,
        known: tuple[str, ...],
        catalogue: tuple[str, ...] = (),
    ) -> None:
        names = {wire_name(asked): wire_name(upstream) for asked, upstream in mapping.items()}
        self._exact = {asked: upstream for asked, upstream in names.items() if not asked.endswith("*")}
        patterns = [(asked[:-1], upstream) for asked, upstream in names.items() if asked.endswith("*")]
        self._patterns = sorted(patterns, key=lambda pattern: -len(pattern[0]))
        self._models = dict.fromkeys(map(wire_name, models))
        self._known = known
        self.listed: tuple[str, ...] = tuple({**self._models, **dict.fromkeys(self._exact)}) or catalogue

    def resolve(self, model: str) -> str | None:
        """The upstream's name for `model`; None where it is not served here. Hot path."""
        model = wire_name(model)
        exact = self._exact.get(model)
        if exact is not None:
            return exact
        for prefix, upstream in self._patterns:
            if model.startswith(prefix):
                return upstream
        if self._models:
            return model if model in self._models else None
        return model if model and model.lower().startswith(self._known) else None


def wire_name(model: str) -> str:
    """`model` without the `[1m]` that asks Claude Code for a long context and never travels."""
    return model[: -len(_LONG_CONTEXT)] if model[-4:].lower() == _LONG_CONTEXT else model
