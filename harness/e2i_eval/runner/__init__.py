"""The runner: one case, one session, from target to report."""
