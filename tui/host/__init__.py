"""Who runs the sessions that the screen shows: its own host, or another process's."""
