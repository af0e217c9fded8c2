"""The control endpoints: faults, scripts, and what was seen."""

from collections.abc import Callable
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from cc_relay.exchange import RelayRequest
from cc_relay.sim.engine import Engine
from cc_relay.sim.faults import FAULTS, FaultRule
from cc_relay.sim.reply import Reply, json_reply
from cc_relay.sim.script import Step

PREFIX = "/_sim/"


def is_control(request: RelayRequest) -> bool:
    return request.path.startswith(PREFIX)


def control(engine: Engine, request: RelayRequest) -> Reply:
    """Answer one control request; mistakes are told with 400, what does not exist with 404."""
    action = ROUTES.get((request.method, request.path.removeprefix(PREFIX)))
    if action is None:
        known = [f"{method} {PREFIX}{name}" for method, name in ROUTES]
        return json_reply(404, {"error": "no such control endpoint", "known": known}, "control")
    try:
        return json_reply(200, action(engine, request), "control")
    except msgspec.DecodeError as error:
        return json_reply(400, {"error": str(error)}, "control")
    except KeyError as error:
        return json_reply(400, {"error": f"no fault is called {error}", "known": sorted(FAULTS)}, "control")


def _add_fault(engine: Engine, request: RelayRequest) -> object:
    engine.faults.add(msgspec.json.decode(request.body, type=FaultRule))
    return _faults(engine, request)


def _faults(engine: Engine, request: RelayRequest) -> object:
    return {"faults": [msgspec.structs.asdict(rule) | {"left": left} for rule, left in engine.faults.rules()]}


def _clear_faults(engine: Engine, request: RelayRequest) -> object:
    engine.faults.clear()
    return _faults(engine, request)


def _load_script(engine: Engine, request: RelayRequest) -> object:
    steps = msgspec.json.decode(request.body, type=list[Step])
    for step in steps:
        if step.fault is not None:
            FAULTS[step.fault]
    engine.script.load(steps)
    return _script(engine, request)


def _script(engine: Engine, request: RelayRequest) -> object:
    return {"left": len(engine.script)}


def _clear_script(engine: Engine, request: RelayRequest) -> object:
    engine.script.clear()
    return _script(engine, request)


def _state(engine: Engine, request: RelayRequest) -> object:
    return engine.journal.state() | {"dialect": engine.dialect.name, "script_left": len(engine.script)}


def _forget(engine: Engine, request: RelayRequest) -> object:
    engine.forget()
    return _state(engine, request)


def _requests(engine: Engine, request: RelayRequest) -> object:
    wanted = parse_qs(request.query)
    last = wanted.get("last", ["20"])[-1]
    return engine.journal.detail(int(last) if last.isdecimal() else 20, with_bodies="bodies" in wanted)


class _Lifetime(Struct, forbid_unknown_fields=True):
    lifetime: float


def _tokens(engine: Engine, request: RelayRequest) -> object:
    return {"issued": engine.tokens.issued, "lifetime": engine.tokens.lifetime}


def _set_lifetime(engine: Engine, request: RelayRequest) -> object:
    engine.tokens.lifetime = msgspec.json.decode(request.body, type=_Lifetime).lifetime
    return _tokens(engine, request)


def _revoke_tokens(engine: Engine, request: RelayRequest) -> object:
    engine.tokens.revoke()
    return _tokens(engine, request)


ROUTES: dict[tuple[str, str], Callable[[Engine, RelayRequest], object]] = {
    ("POST", "faults"): _add_fault,
    ("GET", "faults"): _faults,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "script"): _load_script,
    ("GET", "script"): _script,
    ("DELETE", "script"): _clear_script,
    ("GET", "state"): _state,
    ("DELETE", "state"): _forget,
    ("GET", "requests"): _requests,
    ("GET", "tokens"): _tokens,
    ("POST", "tokens"): _set_lifetime,
    ("DELETE", "tokens"): _revoke_tokens,
}
