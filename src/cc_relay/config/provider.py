"""One entry of `providers`: a service, its keys, its limits."""

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cc_relay.config.field_types import (
    AuthStyle,
    Count,
    Dollars,
    Filled,
    FilledSecret,
    HeaderText,
    KeyId,
    Kind,
    Milliseconds,
    ModelMapping,
    ModelName,
    Name,
    Pooling,
    Project,
    Region,
    Resource,
    Secret,
    Surface,
    Text,
    Url,
)
from cc_relay.config.section import NO_SECRET, Section, limit

NORMAL_PRIORITY = 1
NORMAL_WEIGHT = 1


class Key(Section):
    """One upstream key and its limits; 0 is unlimited until learned from response headers."""

    key: FilledSecret
    rpm_limit: Count = 0
    itpm_limit: Count = 0
    otpm_limit: Count = 0
    tpm_limit: Count = 0
    priority: Count = NORMAL_PRIORITY
    weight: Count = NORMAL_WEIGHT

    @model_validator(mode="before")
    @classmethod
    def _plain_text_is_the_key(cls, value: object) -> object:
        return {"key": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        mapping = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [{"type": "string", "minLength": 1}, mapping], "description": mapping.pop("description", "")}


class PoolingSection(Section):
    """How the keys of one provider share the work."""

    enabled: bool = True
    strategy: Pooling = "least_loaded"


class Price(Section):
    """USD per million tokens; None: as in the built-in price list."""

    input: Dollars | None = None
    output: Dollars | None = None
    cache_read: Dollars | None = None
    cache_write_5m: Dollars | None = None
    cache_write_1h: Dollars | None = None


class ProviderTimeouts(Section):
    """How long an upstream may take; 0 is no limit."""

    connect_ms: Milliseconds = 10_000
    first_byte_ms: Milliseconds = 300_000
    idle_ms: Milliseconds = 300_000

    @property
    def connect(self) -> float:
        """Seconds to a connection; `inf`: no limit."""
        return limit(self.connect_ms)

    @property
    def first_byte(self) -> float:
        """Seconds to the answer's first byte; `inf`: no limit."""
        return limit(self.first_byte_ms)

    @property
    def idle(self) -> float:
        """Seconds between two reads; `inf`: no limit."""
        return limit(self.idle_ms)


class Provider(Section):
    """One upstream service."""

    name: Name
    type: Kind
    enabled: bool = True
    base_url: Url = ""
    auth_style: AuthStyle = "x-api-key"
    models: tuple[ModelName, ...] = ()
    model_mapping: ModelMapping = Field(default_factory=dict)
    pooling: PoolingSection = PoolingSection()
    priority: Count | None = None
    weight: Count | None = None
    price: dict[Filled, Price] = Field(default_factory=dict)
    timeouts: ProviderTimeouts = ProviderTimeouts()
    keys: tuple[Key, ...] = ()

    aws_region: Region = ""
    aws_access_key_id: KeyId = ""
    aws_secret_access_key: Secret = NO_SECRET
    aws_session_token: Secret = NO_SECRET
    aws_profile: Text = ""
    bearer_token: Secret = NO_SECRET
    surface: Surface = "runtime"
    aws_workspace_id: HeaderText = ""

    gcp_project_id: Project = ""
    gcp_region: Region = ""
    credentials_file: Text = ""
    access_token: Secret = NO_SECRET

    azure_resource_name: Resource = ""
    azure_deployment_id: Text = ""
    azure_api_version: Text = ""
    entra: bool = False

    @property
    def effective_priority(self) -> int:
        """The provider's own priority, else its first key's, else the normal one; higher goes first."""
        if self.priority is not None:
            return self.priority
        return self.keys[0].priority if self.keys else NORMAL_PRIORITY

    @property
    def effective_weight(self) -> int:
        """The provider's own weight, else its first key's, else the normal one."""
        if self.weight is not None:
            return self.weight
        return self.keys[0].weight if self.keys else NORMAL_WEIGHT
