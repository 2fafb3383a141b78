"""The life of a golden file: what an evaluation would change in it, as values, and how that is written."""
