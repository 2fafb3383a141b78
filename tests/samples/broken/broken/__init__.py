"""The reference platform with its logging broken on purpose, one fault a case."""
