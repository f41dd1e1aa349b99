"""Several processes share the work through a NATS JetStream cluster.

        intakes ─▶ rf.events.<n>, rf.urgent.<n> ─▶ node stages ─▶ rf.joint ─▶ joint stage ─▶ rf.incidents.<id>
                   rf.all (to every stage)             └── rf.state.<slot>: state with position ──┘

Only bytes and positions here; what they mean is for `app.watch`.
"""
