"""A small shop with a support agent, as any project outside might have it."""
