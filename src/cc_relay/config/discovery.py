"""Zero configuration: the providers that the environment already knows."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from cc_relay.config.loading import Loaded, keyless_origin
from cc_relay.config.provider import Provider
from cc_relay.config.schema import Config

MINIMAX_MODEL = "MiniMax-M3"
"""What MiniMax serves for any model asked for (its Anthropic-compatible API's newest)."""

OLLAMA_PORT = 11434

# Environment variable, provider name and type, what any model is mapped to ("" where the upstream maps by itself).
_KEYED = (
    ("ANTHROPIC_API_KEY", "anthropic", ""),
    ("ZAI_API_KEY", "zai", ""),
    ("MINIMAX_API_KEY", "minimax", MINIMAX_MODEL),
)
# Of each group one variable must be set; then the notice is given.
_CLOUDS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    (
        "AWS credentials",
        (
            ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
            ("AWS_REGION", "AWS_DEFAULT_REGION"),
        ),
    ),
    ("a Google Cloud project", (("GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID"), ("CLOUD_ML_REGION",))),
    ("a Microsoft Foundry key", (("ANTHROPIC_FOUNDRY_API_KEY",), ("ANTHROPIC_FOUNDRY_RESOURCE",))),
)


def discover(environ: Mapping[str, str], *, ollama_models: Sequence[str] | None) -> Loaded:
    """A configuration made of what was found; never raises.

    `ollama_models` are the tags of an Ollama that answered on its port, None where none did. With nothing found the
    user's own Claude login passes through to Anthropic. ANTHROPIC_BASE_URL is not looked at: on a machine set up for
    the relay it points at the relay.
    """
    providers: list[Provider] = []
    notices: list[str] = []
    origins: dict[str, str] = {}
    for variable, name, model in _KEYED:
        key = environ.get(variable, "").strip()
        if not key:
            continue
        if not re.fullmatch(r"[!-~]+", key):
            notices.append(f"{variable} is ignored: it holds spaces or characters that no key has")
            continue
        mapping = {"*": model} if model else {}
        providers.append(
            Provider.model_validate({"name": name, "type": name, "keys": [{"key": key}], "model_mapping": mapping})
        )
        origins[name] = f"${{{variable}}} from the environment"
    models = [model for model in ollama_models or () if _is_model_name(model)]
    if models:
        providers.append(_ollama(models, environ))
        origins["ollama"] = f"answers on its port, no key; any model becomes {models[0]}"
    elif ollama_models is not None:
        notices.append("an Ollama answers but has no models; `ollama pull` one to use it")
    notices += _cloud_notices(environ)
    if providers:
        config = Config(providers=tuple(providers))
    else:
        config = _pass_through()
        origins["anthropic"] = keyless_origin(config.providers[0])
    return Loaded(config, "environment", tuple(notices), MappingProxyType(origins))


def _ollama(models: Sequence[str], environ: Mapping[str, str]) -> Provider:
    # Its own names stay its own; Claude Code's become the first.
    mapping = {model: model for model in models} | {"*": models[0]}
    return Provider.model_validate(
        {"name": "ollama", "type": "ollama", "model_mapping": mapping, "base_url": _ollama_url(environ)}
    )


def _ollama_url(environ: Mapping[str, str]) -> str:
    """Where `OLLAMA_HOST` says it listens (`host`, `:port`, `host:port` or a URL, Ollama's FAQ); "" the usual place."""
    said = environ.get("OLLAMA_HOST", "").strip()
    try:
        parts = urlsplit(said if "://" in said else f"//{said}")
        host, port = parts.hostname or "127.0.0.1", parts.port or OLLAMA_PORT
    except ValueError:
        return ""
    if not said or not re.fullmatch(r"[\w.:-]+", host, re.ASCII):
        return ""
    # Bound to every interface: asked on this machine.
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_model_name(model: str) -> bool:
    return bool(model.strip()) and model.isprintable() and "*" not in model


def _pass_through() -> Config:
    return Config.model_validate(
        {
            "server": {"auth": {"allow_subscription": True}},
            "providers": [{"name": "anthropic", "type": "anthropic"}],
        }
    )


def _cloud_notices(environ: Mapping[str, str]) -> list[str]:
    return [
        f"{what} found in the environment, but this build does not serve that provider yet"
        for what, groups in _CLOUDS
        if all(any(environ.get(name) for name in group) for group in groups)
    ]
