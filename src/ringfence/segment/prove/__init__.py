"""Provers, one file per plane: from what was compiled, or read back, to who can reach whom. They know no writer."""
