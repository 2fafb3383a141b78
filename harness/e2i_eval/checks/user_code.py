"""Which frames of a traceback lie in the user's code."""

from __future__ import annotations

import re
import traceback

__all__ = ["NOT_THE_USERS", "user_frame"]

NOT_THE_USERS = re.compile(r"[\\/](site-packages|dist-packages|e2i_eval)[\\/]|[\\/]python3\.\d+[\\/]|^<frozen ")
"""Files whose frames are no help to a user: libraries, the standard library, and this package."""


def user_frame(error: BaseException) -> traceback.FrameSummary:
    """Return the last frame of a raised error that lies in the user's code; of any code when none does."""
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not NOT_THE_USERS.search(frame.filename)]
    return (users or list(frames))[-1]
