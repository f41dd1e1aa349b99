"""How well incidents are found: benign days with attacks among them, replayed and scored."""
