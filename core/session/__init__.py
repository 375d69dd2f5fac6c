"""One living session: engine, runner, feed handler, commands, recovery and snapshot."""
