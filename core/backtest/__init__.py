"""The rules over a whole history at once."""
