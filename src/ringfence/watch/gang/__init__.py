"""Ranks of one job behave alike, so the rank that differs is the odd one.

        HOST_INTERVAL rows ─▶ windows of 5 minutes, a row a rank
                           ─▶ deviation from the gang's median, in units of the gang's own spread
                           ─▶ less what this rank is used to
                           ─▶ a sequential test a rank and feature: small and long counts as much as large and short

`features` says what is compared, `robust` how far from the middle, `sequential` for how long, `windows` joins them.
"""
