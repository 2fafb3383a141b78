"""The body of a request, whole, whichever way it is framed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from e2i_eval.claude.endpoint.refusal import Refusal

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["read_body"]

LARGEST_BYTES = 32 * 1024 * 1024
"""What the API takes."""
LONGEST_LINE_BYTES = 1024


class Stream(Protocol):
    """What a request comes by."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes; fewer at the end."""

    def readline(self, size: int, /) -> bytes:
        """Return a line of at most so many bytes."""


def read_body(headers: Message, stream: Stream) -> bytes:
    """Read a body by its length, or chunk by chunk.

    Raises:
        Refusal: it is framed in another way, is too long, or ends too early.
    """
    try:
        if headers.get("transfer-encoding", "identity").lower() == "chunked":
            return _chunks(stream)
        return _exactly(stream, int(headers.get("content-length") or 0))
    except (ValueError, OSError) as error:
        message = f"the request's body cannot be read: {error}"
        raise Refusal(400, message) from error


def _chunks(stream: Stream) -> bytes:
    body = b""
    while size := int(stream.readline(LONGEST_LINE_BYTES).partition(b";")[0], 16):
        body += _exactly(stream, size, before=len(body))
        stream.readline(LONGEST_LINE_BYTES)
    while stream.readline(LONGEST_LINE_BYTES).strip():
        continue  # trailers say nothing here
    return body


def _exactly(stream: Stream, size: int, *, before: int = 0) -> bytes:
    if size < 0:
        message = f"a length of {size}"
        raise ValueError(message)
    if before + size > LARGEST_BYTES:
        raise Refusal(413, f"a request has at most {LARGEST_BYTES} bytes")
    data = stream.read(size)
    if len(data) < size:
        message = "it ends too early"
        raise ValueError(message)
    return data
