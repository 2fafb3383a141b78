"""``python -m e2i_eval`` is the command ``e2i-eval``."""

from __future__ import annotations

import sys

from e2i_eval.cli import main

if __name__ == "__main__":
    sys.exit(main())
