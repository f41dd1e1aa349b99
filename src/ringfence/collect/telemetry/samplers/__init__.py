"""What an agent sees on its node: one file per source, each with the capability that it needs and what it cannot see.

        kernel, driver ──push, or asked every second──▶ look() ──▶ Event, Event, …

A source that lacks what it needs raises `MissingPart` when opened: it is then a stated hole, never a silent one.
Nothing here imports numpy or pyarrow, and nothing changes the machine.
"""
