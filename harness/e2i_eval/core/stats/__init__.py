"""Statistics: from numbers to estimates and p-values; pure, and every formula has its source.

One file a question: ``rates`` (how often), ``paired`` (better or worse), ``shift`` (by how much later),
``families`` (many rules at once), ``power`` (what could have been seen), ``sequential`` (when to stop),
``reducers`` (several repetitions of one case).
What the numbers at hand do not show raises ``UnknownError``; nothing is guessed.
"""

from __future__ import annotations
