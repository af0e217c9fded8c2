"""What the clouds say when they refuse, by fault name: gateways in their own voice, the model in Anthropic's."""

from cc_relay.sim.error_texts import ANTHROPIC, ErrorText, Voice


def _aws(status: int, name: str, message: str) -> ErrorText:
    return ErrorText(status, name, message, voice=Voice.AWS)


def _google(status: int, name: str, message: str) -> ErrorText:
    return ErrorText(status, name, message, voice=Voice.GOOGLE)


def _azure(status: int, code: str, message: str) -> ErrorText:
    return ErrorText(status, code, message, voice=Voice.AZURE)


AWS_CREDENTIALS: dict[str, ErrorText] = {
    "401": _aws(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "expired": _aws(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "signature": _aws(
        403,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.",
    ),
    "incomplete": _aws(403, "IncompleteSignatureException", "{detail}"),
    "unsigned": _aws(403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "bearer": _aws(403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."),
}
"""Refused by the door that checks signatures, before any model is asked (AWS common errors)."""

BEDROCK: dict[str, ErrorText] = AWS_CREDENTIALS | {
    "400": _aws(400, "ValidationException", "Malformed input request, please reformat your input and try again."),
    "402": _aws(
        403,
        "AccessDeniedException",
        "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.",
    ),
    "403": _aws(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "404": _aws(
        404,
        "ResourceNotFoundException",
        "Model use case details have not been submitted for this account. Fill out the Anthropic use case details "
        "form before using the model.",
    ),
    "409": _aws(400, "ConflictException", "Error occurred because of a conflict while performing an operation."),
    "413": _aws(400, "ValidationException", "Input is too long."),
    "429": _aws(429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "500": _aws(
        500,
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    "502": _aws(424, "ModelErrorException", "The request failed due to an error while processing the model."),
    "503": _aws(503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "504": _aws(408, "ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    "529": _aws(503, "ServiceUnavailableException", "Too many connections, please wait before trying again."),
    "quota": _aws(400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
    "plan": _aws(429, "ThrottlingException", "Too many tokens per day, please wait before trying again."),
    "no-safeguards": _aws(400, "ValidationException", "safeguards: Extra inputs are not permitted"),
    "too-long": _aws(400, "ValidationException", "Input is too long."),
    "not-ready": _aws(
        429, "ModelNotReadyException", "Model is not ready for inference. Wait and try your request again."
    ),
    "model-error": _aws(424, "ModelErrorException", "The request failed due to an error while processing the model."),
    "stream-error": _aws(
        424, "ModelStreamErrorException", "The model encountered an unexpected error while streaming its output."
    ),
    "model": _aws(400, "ValidationException", "The provided model identifier is invalid."),
    "resource": _aws(404, "ResourceNotFoundException", "Could not resolve the foundation model from {model}."),
    "on-demand": _aws(
        400,
        "ValidationException",
        "Invocation of model ID {model} with on-demand throughput isn\N{RIGHT SINGLE QUOTATION MARK}t supported. Retry "
        "your request with the ID or ARN of an inference profile that contains this model.",
    ),
    "invalid": _aws(400, "ValidationException", "{detail}"),
    "rejected": _aws(400, "ValidationException", "The model returned the following errors: {detail}"),
    "path": _aws(404, "UnknownOperationException", "Unknown operation"),
}
"""Amazon Bedrock's runtime and control plane (API reference, InvokeModelWithResponseStream)."""

STREAM_EXCEPTIONS = frozenset(
    {
        "internalServerException",
        "modelStreamErrorException",
        "modelTimeoutException",
        "serviceUnavailableException",
        "throttlingException",
        "validationException",
    }
)
"""What may end an event stream (API reference, ResponseStream)."""

CLAUDE_ON_AWS: dict[str, ErrorText] = ANTHROPIC | AWS_CREDENTIALS
"""Anthropic-shaped services behind AWS's door."""

VERTEX: dict[str, ErrorText] = ANTHROPIC | {
    "400": _google(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "401": _google(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    ),
    "402": _google(
        403,
        "PERMISSION_DENIED",
        "This API method requires billing to be enabled. Please enable billing on the project and try again.",
    ),
    "403": _google(
        403,
        "PERMISSION_DENIED",
        "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/{project}' "
        "(or it may not exist).",
    ),
    "404": _google(
        404,
        "NOT_FOUND",
        "Publisher Model `{model}` was not found or your project does not have access to it. Please ensure you are "
        "using a valid model version.",
    ),
    "409": _google(409, "ABORTED", "The operation was aborted."),
    "413": _google(400, "INVALID_ARGUMENT", "The request size (30037042 bytes) exceeds 30.000MB limit."),
    "429": _google(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: "
        "anthropic-{model}. Please submit a quota increase request.",
    ),
    "500": _google(500, "INTERNAL", "Internal error encountered."),
    "502": _google(500, "UNKNOWN", "An unknown error occurred."),
    "503": _google(503, "UNAVAILABLE", "The service is currently unavailable."),
    "504": _google(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "529": _google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "quota": _google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "plan": _google(429, "RESOURCE_EXHAUSTED", "Resource exhausted, please try again later."),
    "too-long": _google(400, "INVALID_ARGUMENT", "The request size (30037042 bytes) exceeds 30.000MB limit."),
    "not-ready": _google(
        400,
        "FAILED_PRECONDITION",
        "Project `{project}` is not allowed to use Publisher Model `{model}`.",
    ),
    "model-error": _google(500, "INTERNAL", "Internal error encountered."),
    "expired": _google(
        401, "UNAUTHENTICATED", "Request had invalid authentication credentials: the access token has expired."
    ),
    "signature": _google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "scope": _google(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes."),
    "quota-project": _google(
        403,
        "PERMISSION_DENIED",
        "Caller does not have required permission to use project {detail}. Grant the caller the "
        "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission.",
    ),
    "no-quota-project": _google(
        403,
        "PERMISSION_DENIED",
        "Your application is authenticating by using local Application Default Credentials. The "
        "aiplatform.googleapis.com API requires a quota project, which is not set by default.",
    ),
    "argument": _google(400, "INVALID_ARGUMENT", "{detail}"),
    "model": _google(
        404,
        "NOT_FOUND",
        "Publisher Model `{model}` was not found or your project does not have access to it. Please ensure you are "
        "using a valid model version.",
    ),
    "path": _google(404, "NOT_FOUND", "The requested URL was not found on this server."),
}
"""Vertex AI: google.rpc.Status from Google, Anthropic's envelope from the model behind (AIP-193)."""

AZURE: dict[str, ErrorText] = ANTHROPIC | {
    "401": _azure(
        401,
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource.",
    ),
    "403": _azure(403, "403", "Access denied due to Virtual Network/Firewall rules."),
    "404": _azure(404, "404", "Resource not found"),
    "429": _azure(
        429,
        "429",
        "Requests to the Messages operation have exceeded call rate limit of your current pricing tier. Please retry "
        "later.",
    ),
    "502": _azure(502, "502", "Bad gateway"),
    "503": _azure(503, "ServiceUnavailable", "The service is temporarily unable to process your request."),
    "504": _azure(504, "Timeout", "The operation was timeout."),
    "quota": _azure(403, "QuotaExceeded", "The quota of this subscription is exceeded."),
    "plan": _azure(429, "RateLimitReached", "Your requests have exceeded the token rate limit of your deployment."),
    "not-ready": _azure(409, "DeploymentNotReady", "The deployment is being created; please try again later."),
    "expired": _azure(401, "401", "Unauthorized. Access token is missing, invalid, audience is incorrect, or expired."),
    "signature": _azure(
        401, "401", "Unauthorized. Access token is missing, invalid, audience is incorrect, or expired."
    ),
    "scope": _azure(401, "401", "audience is incorrect (https://ai.azure.com)."),
    "model": _azure(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again.",
    ),
    "path": _azure(404, "api_not_supported", "The requested API is not supported on this resource."),
}
"""Azure AI Foundry: the gateway's own errors, and Anthropic's envelope from the model behind it."""
