"""A/B latency test: the working tree against another git revision, pair by pair on one machine in one session.

One file a question: ``revision`` (which commit), ``worktree`` and ``cleanup_process`` (its files, and their removal),
``source_roots`` (whose code a variant runs), ``worker_process``, ``worker`` and ``worker_client`` (the process of a
variant, from inside and outside), ``callback_time`` (how long observers took), ``machine`` (whether the machine was
ours), ``schedule`` (which variant when, and when it is enough), ``set_verdict`` (what the pairs say), ``worker_pair``
and ``latency_test`` (all of it). What a call took is measured by ``benchmark.timing``.
"""
