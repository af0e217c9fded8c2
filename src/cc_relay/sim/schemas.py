"""Values that satisfy a JSON Schema well enough: arguments for tools, answers in a wanted format."""

import msgspec
from msgspec import Raw

Schema = dict[str, object]
DEPTH = 6

# Arguments that do no harm when a real client runs the tool.
HARMLESS: dict[str, object] = {
    "command": "echo simulated",
    "description": "Say so",
    "file_path": "/etc/hostname",
    "pattern": "simulated",
    "path": ".",
    "title": "A simulated session",
}


def fill(schema: Raw) -> Raw:
    """The JSON of a value with every required property; an unreadable schema gives `{}`."""
    try:
        return Raw(msgspec.json.encode(_value(msgspec.json.decode(schema, type=Schema), "", DEPTH)))
    except msgspec.DecodeError:
        return Raw(b"{}")


def _value(schema: object, name: str, depth: int) -> object:
    if not isinstance(schema, dict) or depth == 0:
        return {}
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0] if kind else "null"
    match kind:
        case "object":
            return _object(schema, depth)
        case "array":
            return [_value(schema.get("items"), name, depth - 1)] if schema.get("minItems") else []
        case "string":
            return HARMLESS.get(name, "simulated")
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
    return None


def _object(schema: Schema, depth: int) -> object:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    return {name: _value(properties.get(name), name, depth - 1) for name in required if isinstance(name, str)}
