"""Security debt: what open findings could cost the crown jewels, since when, and whether that outgrows compute."""
