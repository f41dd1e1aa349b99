"""The process on a node that looks and tells: no inbound port, the least capability that each source needs.

        samplers ─▶ sensor: limit, two lanes ─▶ spool on disk ─▶ link ──mutual TLS──▶ server, or the rack's relay
                        └ drops are counted        └ forgotten when the other side has it for good

docs/agent.md lists the sources, docs/design/agent.md what holds.
"""
