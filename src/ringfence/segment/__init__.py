"""Trust boundaries that follow jobs: derived, compiled, proven.

Estate ─▶ workflow ─▶ compartment ─▶ policy ─▶ compile ─▶ artefacts and residuals
                                        └──────────────▶ prove ◀── artefacts, or what was read back
"""
