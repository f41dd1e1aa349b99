"""From an incident to cuts that hold, and back.

        incident, reach ─▶ plan ─▶ guard (limits, shadow, stop) ─▶ queue ─▶ act ─▶ enforce/   ─▶ read back
                                                                   └──────▶ undo ─▶ set-equal
        every step ─▶ evidence ─▶ the fence's journal ─▶ an outside witness

`plan` and `guard` only think; `act` and `undo` alone know `enforce`.
"""
