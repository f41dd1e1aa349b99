"""The fence, wired: derive, compile, prove; apply, follow, undo.

Estate ─▶ Design: policy ─▶ compiled ─▶ proofs ─▶ joined              (design.py; looks, changes nothing)
                      │
 site.py, drivers.py  ▼  standing.py, theirs.py: what is in force
 enforcers ─▶ change.py: stages ─▶ steps.py ─▶ run.py: before, apply, look, prove ─▶ receipt, journal (ledger.py)
                                                                                       │
              status.py: what stands, drift                            undo.py ◀───────┘
"""
