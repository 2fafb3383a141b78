"""Statistics: from numbers to estimates and p-values; pure, and every formula has its source.

One file a question: ``rates`` (how often), ``paired`` (better or worse), ``shift`` (by how much later),
``families`` (many rules at once), ``power`` (what could have been seen), ``sequential`` (when to stop),
``reducers`` (several repetitions of one case).
Whatever cannot be said from the numbers at hand raises ``UnknownError``; nothing is guessed.
"""

from __future__ import annotations
