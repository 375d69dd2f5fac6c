"""Where things are kept: the workspace, its index, its journals and its secrets."""
