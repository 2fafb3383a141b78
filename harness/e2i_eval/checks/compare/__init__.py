"""Comparing what came out with what was expected: values, texts and sequences."""
