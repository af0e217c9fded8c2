"""Zero configuration: the providers that the environment already knows."""

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from urllib.parse import urlsplit

from pydantic import ValidationError

from cc_relay.config.clouds import AWS_KEY_PAIR, described, has_all, value_of
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

AWS_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
GOOGLE_PROJECT = ("ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT")
"""The more particular one first, as in Anthropic's SDK."""

Settings = dict[str, object]


def has_module(name: str) -> bool:
    """Whether a library is installed; it is not imported."""
    return find_spec(name) is not None


class _Finds:
    """What was found so far."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.providers: list[Provider] = []
        self.notices: list[str] = []
        self.origins: dict[str, str] = {}

    def add(self, settings: Settings, origin: str = "") -> None:
        """A provider named for its type; without `origin` it is a cloud, which says it itself."""
        kind = str(settings["type"])
        try:
            provider = Provider.model_validate({"name": kind, **settings})
        except ValidationError as error:
            wrong = ", ".join(sorted({str(one["loc"][0]) for one in error.errors(include_url=False) if one["loc"]}))
            self.notices.append(f"a provider {kind} in the environment is ignored: its {wrong} is not valid")
            return
        self.providers.append(provider)
        self.origins[kind] = origin or described(provider, self.environ)


def discover(
    environ: Mapping[str, str],
    *,
    ollama_models: Sequence[str] | None,
    is_installed: Callable[[str], bool] = has_module,
) -> Loaded:
    """A configuration made of what was found; never raises.

    `ollama_models` are the tags of an Ollama that answered on its port, None where none did. With nothing found the
    user's own Claude login passes through to Anthropic. ANTHROPIC_BASE_URL and its siblings for Bedrock, Vertex and
    Foundry are not looked at: on a machine set up for the relay they point at the relay.
    """
    finds = _Finds(environ)
    for variable, name, model in _KEYED:
        key = environ.get(variable, "").strip()
        if not key:
            continue
        if not re.fullmatch(r"[!-~]+", key):
            finds.notices.append(f"{variable} is ignored: it holds spaces or characters that no key has")
            continue
        mapping = {"*": model} if model else {}
        finds.add({"type": name, "keys": [{"key": key}], "model_mapping": mapping}, _from(variable))
    _find_aws(finds, is_installed)
    _find_google(finds)
    _find_foundry(finds)
    models = [model for model in ollama_models or () if _is_model_name(model)]
    if models:
        finds.add(_ollama(models, environ), f"answers on its port, no key; any model becomes {models[0]}")
    elif ollama_models is not None:
        finds.notices.append("an Ollama answers but has no models; `ollama pull` one to use it")
    if finds.providers:
        config = Config(providers=tuple(finds.providers))
    else:
        config = _pass_through()
        finds.origins["anthropic"] = keyless_origin(config.providers[0])
    return Loaded(config, "environment", tuple(finds.notices), MappingProxyType(finds.origins))


def _find_aws(finds: _Finds, is_installed: Callable[[str], bool]) -> None:
    """Credentials with a region; a machine's role alone is no sign that somebody means Bedrock."""
    environ = finds.environ
    region, profile = _first(environ, AWS_REGION), environ.get("AWS_PROFILE", "").strip()
    settings: Settings = {"type": "bedrock", "aws_region": region}
    if not region:
        return
    if token := value_of(environ, "AWS_BEARER_TOKEN_BEDROCK"):
        finds.add(settings | {"bearer_token": token}, _from("AWS_BEARER_TOKEN_BEDROCK"))
    elif has_all(environ, AWS_KEY_PAIR):
        names = (*AWS_KEY_PAIR, "AWS_SESSION_TOKEN")
        finds.add(settings | {name.lower(): value_of(environ, name) for name in names}, _from("AWS_ACCESS_KEY_ID"))
    elif profile and is_installed("botocore"):
        finds.add(settings | {"aws_profile": profile})
    elif profile:
        finds.notices.append("AWS_PROFILE is ignored: profiles are read with `pip install 'cc-relay[bedrock]'`")


def _find_google(finds: _Finds) -> None:
    project, region = _first(finds.environ, GOOGLE_PROJECT), _first(finds.environ, ("CLOUD_ML_REGION",))
    if project and region:
        finds.add({"type": "vertex", "gcp_project_id": project, "gcp_region": region})


def _find_foundry(finds: _Finds) -> None:
    key, resource = (value_of(finds.environ, f"ANTHROPIC_FOUNDRY_{name}") for name in ("API_KEY", "RESOURCE"))
    if key and resource:
        settings: Settings = {"type": "azure", "azure_resource_name": resource, "keys": [{"key": key}]}
        finds.add(settings, _from("ANTHROPIC_FOUNDRY_API_KEY"))


def _from(variable: str) -> str:
    return f"${{{variable}}} from the environment"


def _first(environ: Mapping[str, str], variables: Sequence[str]) -> str:
    return next((value for variable in variables if (value := environ.get(variable, "").strip())), "")


def _ollama(models: Sequence[str], environ: Mapping[str, str]) -> Settings:
    # Its own names stay its own; Claude Code's become the first.
    mapping = {model: model for model in models} | {"*": models[0]}
    return {"type": "ollama", "model_mapping": mapping, "base_url": _ollama_url(environ)}


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
