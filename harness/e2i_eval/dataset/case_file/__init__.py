"""A case file: from YAML text to a ``Case``, with every mistake named by line."""
