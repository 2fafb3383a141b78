"""The endpoint: an address on the loopback interface behind which Claude is for agents in another process or language.

Importing this package loads the SDK and its HTTP library.
"""

from __future__ import annotations

from e2i_eval.claude.endpoint.endpoint import Endpoint

__all__ = ["Endpoint"]
