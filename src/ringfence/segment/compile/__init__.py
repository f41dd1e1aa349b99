"""Writers, one file per target: from the neutral policy to what a real enforcer reads."""
