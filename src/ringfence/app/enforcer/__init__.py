"""The process on a node that changes it: root, a Unix socket for hooks, one connection out to the server.

        server ◀──mutual TLS── link ─▶ keeper ─▶ drivers (enforce/) ─▶ nftables, …
                                         ▲  └─▶ slots, journal: what survives a kill
        hooks ──Unix socket──▶ hooks ─▶ gate (wait-job), confine, status, release, remove-job

It obeys orders that the fence's server signed for this host, in sequence and in time; nothing else. See
docs/design/enforcer.md.
"""
