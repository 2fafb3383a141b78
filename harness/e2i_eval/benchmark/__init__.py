"""Benchmarks: what logging costs a caller, and latency against another revision, in interleaved pairs."""
