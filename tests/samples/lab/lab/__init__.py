"""A laboratory that weighs the effect of a treatment, in one sound way and several wrong ones."""
