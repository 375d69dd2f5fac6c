"""The embedded exchange's markets: synthetic or recorded, its clock and its quotes."""
