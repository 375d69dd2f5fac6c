"""Dialogues that ask one question."""
