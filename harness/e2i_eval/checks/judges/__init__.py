"""Judges: answers without one right text, judged by rubrics and scorers; pure, whoever is asked is passed in."""
