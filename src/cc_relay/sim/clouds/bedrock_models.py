"""What may stand in Bedrock's paths: model ids, inference profiles and ARNs, and what they mean in one region."""

import re

from cc_relay.sim.refusals import Refused

ACCOUNT = "123456789012"

BASES = (
    "anthropic.claude-fable-5-2",
    "anthropic.claude-opus-5-5",
    "anthropic.claude-sonnet-5-5",
    "anthropic.claude-haiku-5-5",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-6-v1",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-opus-4-5-20251101-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
)
ON_DEMAND = frozenset({"anthropic.claude-3-haiku-20240307-v1:0"})
"""Served by their bare ids; all others only by an inference profile."""

GEOGRAPHIES = {
    "us": re.compile(r"(us|ca)-(?!gov-)"),
    "eu": re.compile(r"eu-"),
    "apac": re.compile(r"ap-"),
    "jp": re.compile(r"ap-northeast-[13]"),
    "au": re.compile(r"ap-southeast-[24]"),
    "us-gov": re.compile(r"us-gov-"),
    "global": re.compile(r"(?!us-gov-)"),
}
"""The regions whose requests each profile takes."""

NAME = re.compile(r"(?:([a-z-]+)\.)?(anthropic\..+)")
ARN = re.compile(r"arn:aws(?:-[\w-]+)?:bedrock:([a-z0-9-]+):(\d{12})?:([a-z-]+)/(.+)")


def plain(model_id: str) -> str:
    """Anthropic's own name for a base id."""
    return re.sub(r"-v\d+(?::\d+)?$", "", model_id.removeprefix("anthropic."))


def resolve(model_id: str, region: str, aliases: dict[str, str]) -> str:
    """The plain name of the model an invocation reaches. Raises Refused."""
    if model_id in aliases:
        return plain(aliases[model_id])
    if model_id == "sim" or model_id.startswith("sim-"):
        return model_id
    arn = ARN.fullmatch(model_id)
    if arn is not None:
        return _resolve_arn(model_id, arn[1], arn[3], arn[4], region)
    found = NAME.fullmatch(model_id)
    if found is None or found[2] not in BASES:
        raise Refused("model")
    geography, base = found.groups()
    if geography is None:
        if base not in ON_DEMAND:
            raise Refused("on-demand", model=model_id)
    elif geography not in GEOGRAPHIES or not GEOGRAPHIES[geography].match(region):
        raise Refused("model")
    return plain(base)


def _resolve_arn(arn: str, arn_region: str, kind: str, name: str, region: str) -> str:
    if arn_region != region:
        raise Refused("model")
    if kind == "inference-profile":
        return resolve(name, region, {})
    if kind == "foundation-model" and name in BASES:
        raise Refused("on-demand", model=name)
    raise Refused("resource", model=arn)


def resolve_for_count(model_id: str) -> str:
    """The plain name for a token count, which takes base ids alone. Raises Refused."""
    if model_id == "sim" or model_id.startswith("sim-"):
        return model_id
    if NAME.fullmatch(model_id) and model_id.startswith("anthropic.") and model_id not in BASES:
        raise Refused("model")
    if model_id not in BASES:
        raise Refused("invalid", detail="The provided model doesn't support counting tokens.")
    return plain(model_id)


def profiles(region: str, aliases: dict[str, str]) -> list[dict[str, object]]:
    """Every inference profile that may be called from here, as the control plane lists them."""
    found = [
        _profile(f"{geography}.{base}", base, region, "inference-profile")
        for geography, regions in GEOGRAPHIES.items()
        if regions.match(region)
        for base in BASES
        if base not in ON_DEMAND
    ]
    return found + [
        _profile(name.rpartition("/")[2], f"anthropic.{plain(model)}", region, "application-inference-profile", name)
        for name, model in aliases.items()
        if ":application-inference-profile/" in name
    ]


def _profile(name: str, base: str, region: str, kind: str, arn: str = "") -> dict[str, object]:
    return {
        "inferenceProfileName": name,
        "inferenceProfileId": name,
        "inferenceProfileArn": arn or f"arn:aws:bedrock:{region}:{ACCOUNT}:{kind}/{name}",
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED" if kind == "inference-profile" else "APPLICATION",
        "models": [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{base}"}],
        "createdAt": "2026-10-01T00:00:00Z",
        "updatedAt": "2026-10-01T00:00:00Z",
    }


def foundation_models(region: str) -> list[dict[str, object]]:
    return [
        {
            "modelArn": f"arn:aws:bedrock:{region}::foundation-model/{base}",
            "modelId": base,
            "modelName": plain(base),
            "providerName": "Anthropic",
            "inputModalities": ["TEXT", "IMAGE"],
            "outputModalities": ["TEXT"],
            "responseStreamingSupported": True,
            "customizationsSupported": [],
            "inferenceTypesSupported": ["ON_DEMAND" if base in ON_DEMAND else "INFERENCE_PROFILE"],
            "modelLifecycle": {"status": "ACTIVE"},
        }
        for base in BASES
    ]
