"""The fence kept true while jobs come and go: a job event costs what the job's own hosts cost, never the cluster.

        PrologSlurmctld ─started─▶ socket ─▶ Follow ─▶ Standing: the job's own part of the policy
        EpilogSlurmctld ─ended──▶             │         └─▶ part: what its hosts must know ─▶ compile ─▶ prove
        squeue, every few seconds ─▶ settle ──┤
                                              ├─▶ orders: latest text per host, in parallel, read back
                                              └─▶ sweeps: changes of partition keys, many in one sweep

docs/design/churn.md.
"""
