"""Programs that an attack of the lab runs in the lab's machines, each a file of its own, copied there by `Stage`.

With the standard library only, but for `forge`, which speaks as an agent does and needs the agent's own modules. Each
refuses addresses outside the lab's two networks, is over after the seconds that it is given, and writes what it did
into a log: lines of JSON with `at` and `what`, of which `began` and `ended` give a trial its length.
"""
