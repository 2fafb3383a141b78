"""Duet: latency of the working tree against another git revision, pair by pair on one machine in one session.

One file a question: ``revision`` (which commit), ``worktree`` and ``caretaker`` (its files, and their removal),
``source_roots`` (whose code an arm runs), ``runner``, ``performer`` and ``player`` (the process of an arm, from inside
and outside), ``felt_time`` and ``callback_time`` (how long a call took), ``machine`` (whether the machine was ours),
``rounds`` (which arm when, and when it is enough), ``judgement`` (what the pairs say), ``ensemble`` and ``duet``
(all of it).
"""
