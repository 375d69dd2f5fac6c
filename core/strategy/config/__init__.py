"""The strategy config: its types, and how one is read, checked and written."""
