"""Timing: what a caller waits, without the time for which the machine had no core for the work.

``run_delay`` reads the scheduler's counters, ``sleeps`` notes when a process slept, ``lap`` says what a caller waited
between two readings of them, and ``stopwatch`` measures calls with the best that this system has.
"""
