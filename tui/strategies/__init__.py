"""The strategies one may pick: which there are, and their files."""
