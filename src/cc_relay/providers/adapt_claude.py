"""A Messages body made fit for one surface of Claude by the smallest change; values nobody had to change keep their
bytes."""

from msgspec import Struct

from cc_relay.codec.model_names import canonical
from cc_relay.exchange import Candidate, Peek, RelayRequest
from cc_relay.providers.claude_needs import lacks_for_claude
from cc_relay.providers.claude_plan import CONTEXT, plan_for
from cc_relay.providers.claude_steps import STEPS
from cc_relay.providers.claude_surfaces import PAIRS, ClaudeSurface
from cc_relay.providers.draft import Draft
from cc_relay.providers.forwarding import list_values

__all__ = ["Adapted", "adapt_for_claude", "lacks_for_claude"]


class Adapted(Struct, frozen=True):
    """What a surface needs changed.

    `changes` are for `codec.messages.rewrite`: new JSON by top-level key, None removes. `betas` are the values of
    `anthropic-beta` that may travel, in the client's order, under the surface's names.
    """

    changes: dict[str, bytes | None]
    betas: tuple[bytes, ...]


def adapt_for_claude(request: RelayRequest, peek: Peek, candidate: Candidate, surface: ClaudeSurface) -> Adapted:
    """What must change in `request` for `surface`: its own tables, the model's generation, and what was refused.

    `model`, `stream`, `anthropic_version` and `anthropic_beta` are the provider's own business. Whatever cannot be
    read stays as it is, for the upstream to judge. Hot path.
    """
    model = candidate.model if canonical(candidate.model).startswith("claude") else peek.model
    plan = plan_for(surface.name, model, candidate.lacking, b",".join(list_values(request.headers, b"anthropic-beta")))
    draft = Draft(peek.fields)
    for step in STEPS:
        try:
            step(draft, plan, surface)
        except (ValueError, RecursionError):
            continue
    return Adapted(draft.changes, _paired(plan.betas, draft))


def _paired(betas: tuple[bytes, ...], draft: Draft) -> tuple[bytes, ...]:
    """Without the betas of `context_management` where nothing was left of it."""
    if draft.changes.get("context_management", b"") is not None:
        return betas
    return tuple(beta for beta in betas if not any(pair.startswith(CONTEXT) for pair in PAIRS.get(beta, ())))
