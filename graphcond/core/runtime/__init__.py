"""Processes, files, checkpoints, memory and progress."""
