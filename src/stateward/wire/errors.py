"""Errors as the wire carries them: AWS's code for machines, a sentence for people (spec 0.1)."""

from typing import Literal

import msgspec


class AwsError(Exception):
    """What a caller is told: `code` as in the service model, `message`, and the HTTP status (400, or 5xx)."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status

    @property
    def fault(self) -> Literal["Client", "Server"]:
        """Whose mistake it is; SDKs repeat a call only after a server's."""
        return "Server" if self.status >= 500 else "Client"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def validation_error(message: str) -> AwsError:
    """A `ValidationException` with this text."""
    return AwsError("ValidationException", message)


def serialization_error(message: str) -> AwsError:
    """A `SerializationException`: the body is not JSON, or a member has another JSON type than the model says."""
    return AwsError("SerializationException", message)


def body_of(error: AwsError) -> bytes:
    """The JSON body of an error; SDKs read `Message` or `message`, so both are there (spec 0.1)."""
    return msgspec.json.encode({"__type": error.code, "Message": error.message, "message": error.message})
