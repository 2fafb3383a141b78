"""Configuration: flags as data, and what a session was asked to do as one frozen value."""
