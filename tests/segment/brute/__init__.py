"""Judges that look at one pair at a time and know neither writers nor provers: they read the artefacts themselves."""
