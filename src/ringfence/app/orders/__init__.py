"""The server of the order channel: who is enrolled, what each host is to have in force, orders out, receipts in.

        desired state ─▶ ledger ─▶ order, signed ─▶ session of the host ─▶ its enforcer
                                                          │
        journal ◀── ledger ◀── batch ◀── receipt, signed ◀┘

`server` holds the connections, `control` a Unix socket for commands on the same machine, `remote` is the
`Enforcer` that drives a host through it. docs/design/transport.md.
"""
