"""Values and ports, and the statistics on them: what the rooms above hand to one another. Imports nothing of ours."""
