"""Jobs: triggers and runs; and what the user is notified of."""
