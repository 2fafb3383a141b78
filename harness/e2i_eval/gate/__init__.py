"""The gate: rules over verdicts and measurements, the accepted baseline, comparison of stored runs."""
