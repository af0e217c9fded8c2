"""What follows for a request from the surface, the model, its betas and what was refused: everything but the body."""

from functools import lru_cache

from msgspec import Struct

from cc_relay.providers import capabilities as able
from cc_relay.providers.claude_models import model_lacks, version
from cc_relay.providers.claude_surfaces import OF_A_LOGIN, PAIRS, SURFACES, ClaudeSurface
from cc_relay.providers.prune import Tree, grow

CONTEXT = able.FIELD + "context_management"
EDIT = CONTEXT + ".edits.*="

_OLD = (4, 5)
_BREAKPOINTS = (
    "system.*.cache_control",
    "tools.*.cache_control",
    "messages.*.content.*.cache_control",
    "messages.*.content.*.content.*.cache_control",
    "cache_control",
)


class Plan(Struct, frozen=True):
    """What follows from everything but the body.

    `without` are all capabilities that are missing. `prunes` are the fields to remove, by top-level key. `blocks` are
    kinds of content blocks to remove. `edits` are kinds of `context_management` edits to remove.
    """

    betas: tuple[bytes, ...]
    without: frozenset[str]
    prunes: dict[str, Tree]
    blocks: frozenset[bytes]
    edits: frozenset[bytes]
    limit: int | None


@lru_cache(maxsize=1024)
def plan_for(surface_name: str, model: str, lacking: frozenset[str], beta_list: bytes) -> Plan:
    surface = SURFACES[surface_name]
    without = surface.lacks | lacking
    if surface.knows_models:
        without |= model_lacks(model)
    came = dict.fromkeys(beta_list.split(b",") if beta_list else ())
    refused = frozenset(name for one in lacking if one.startswith(able.BETA) for name in _refused_betas(one))
    named = {beta: b"" if beta in refused else _travels_as(beta, surface, model, without) for beta in came}
    named = {beta: b"" if name in refused else name for beta, name in named.items()}
    kept = {pair for beta, name in named.items() if name for pair in PAIRS.get(beta, ())}
    gone = {pair for beta, name in named.items() if not name for pair in PAIRS.get(beta, ())} - kept
    without |= gone
    if able.FIELD + "output_config" in without:
        without |= {able.EFFORT}
    betas = [name for beta, name in named.items() if name and not _is_idle(beta, without, surface)]
    limits = [int(name.removeprefix(able.MAX_TOKENS)) for name in without if name.startswith(able.MAX_TOKENS)]
    return Plan(
        betas=tuple(dict.fromkeys(betas)),
        without=without,
        prunes=grow(_paths(without)),
        blocks=frozenset(name.removeprefix(able.BLOCK).encode() for name in without if name.startswith(able.BLOCK)),
        edits=frozenset(name.removeprefix(EDIT).encode() for name in without if name.startswith(EDIT)),
        limit=min(limits, default=None),
    )


def _refused_betas(capability: str) -> list[bytes]:
    return capability.removeprefix(able.BETA).encode("latin-1", "replace").split(b",")


def _travels_as(beta: bytes, surface: ClaudeSurface, model: str, without: frozenset[str]) -> bytes:
    """The beta's name on this surface; b"" where it stays here."""
    name = surface.betas.get(beta, beta if surface.has_open_betas else b"")
    if beta in surface.old_betas and (version(model) or _OLD) > _OLD:
        return b""
    if able.BETAS in without and beta not in OF_A_LOGIN:
        return b""
    return name


def _is_idle(beta: bytes, without: frozenset[str], surface: ClaudeSurface) -> bool:
    """Whether everything a beta brings is missing, so that it has nothing left to say."""
    pairs = PAIRS.get(beta, ())
    return bool(pairs) and all(pair in without or not _may_carry(pair, surface) for pair in pairs)


def _may_carry(pair: str, surface: ClaudeSurface) -> bool:
    if pair.startswith(EDIT):
        return surface.edits is None or pair.removeprefix(EDIT).encode() in surface.edits
    return not pair.startswith(able.FIELD) or surface.takes(pair.removeprefix(able.FIELD).partition(".")[0])


def _paths(without: frozenset[str]) -> list[str]:
    paths = [name.removeprefix(able.FIELD) for name in without if name.startswith(able.FIELD)]
    everywhere = [name for name in (able.CACHE_SCOPE, able.CACHE_TTL) if name in without]
    leaves = [name.rpartition(".")[2] for name in everywhere]
    own = [path for path in paths if able.FIELD + path not in everywhere and not (able.FIELD + path).startswith(EDIT)]
    return own + [f"{place}.{leaf}" for leaf in leaves for place in _BREAKPOINTS]
