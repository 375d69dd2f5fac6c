"""The terminal application and the command line: everything that shows Papertape to a person."""
