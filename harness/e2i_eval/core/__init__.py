"""Values and ports: what the rooms above hand to one another. Imports nothing of ours."""
