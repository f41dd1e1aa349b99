"""A cluster in a box: network namespaces on one machine, with real parts in them.

        layout ─▶ world (namespaces) ─▶ parts (opensm on ibsim, Slurm, sshd, storage) ─▶ our own processes
                                               attacks ─▶ trial ─▶ what the sink saw, when it was cut, what else was

Recorded behaviour against the lab's own hosts, to test defence; nothing leaves the namespaces.
"""
