"""The only room that changes the world: each target's own way to put an artefact in force, and to take it back.

Reading back is `collect`'s code, judging what was read is `segment.prove`'s: an enforcer is never its own witness.
"""
