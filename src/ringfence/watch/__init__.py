"""From telemetry to incidents.

        batches ─▶ node stage ─▶ signals, condensed batches ─▶ joint stage ─▶ incidents
                   (rules, detectors of one host)              (gangs, chains, joining, severity)

Pure: batches, times and what the estate says come in as values; signals and incidents go out. The node stage may run
in many processes, each with its share of the hosts; the joint stage is one. All state can be saved and taken up again.
"""
