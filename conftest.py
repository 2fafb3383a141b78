"""Nothing is configured here: `pyproject.toml` names the targets, the folders and the warnings."""
