"""Jobs: triggers, runs and notifications."""
