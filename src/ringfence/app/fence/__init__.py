"""The fence, wired: derive, compile, prove; apply, follow, undo.

Estate ─▶ Design: policy ─▶ compiled ─▶ proofs ─▶ joined        (design.py; looks, changes nothing)
                      │
                      ▼
          plan.py: ordered steps ─▶ run.py: before, apply, read back, prove ─▶ receipt, journal
                                                                                  │
                                                          undo.py ◀───────────────┘
"""
