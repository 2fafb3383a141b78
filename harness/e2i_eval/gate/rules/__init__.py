"""The gate: rules over what a session measured, against what was accepted; pure, without I/O."""
