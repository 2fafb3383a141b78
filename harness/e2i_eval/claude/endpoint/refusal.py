"""A refusal: why the endpoint does not answer a request, in the form in which the API says such things."""

from __future__ import annotations

import json

__all__ = ["Refusal"]

ERROR_TYPES = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    500: "api_error",
}


class Refusal(Exception):  # noqa: N818  it is an answer, and reads as one
    """A request that is not answered.

    Attributes:
        status: the HTTP status.
        message: why, for a person.
        is_noted: the session must say so: somebody asked for what no case can answer for.
    """

    def __init__(self, status: int, message: str, *, is_noted: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.is_noted = is_noted

    @property
    def body(self) -> bytes:
        """The body of the response."""
        error = {"type": ERROR_TYPES[self.status], "message": f"e2i-eval: {self.message}"}
        return json.dumps({"type": "error", "error": error}).encode()
