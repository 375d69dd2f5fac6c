"""The command line, `papertape COMMAND …`: one module for each group of commands.

Nothing heavy is imported before a command needs it: `papertape --help` and the first frame of the
screen are to appear at once.
"""
