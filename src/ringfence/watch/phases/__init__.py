"""What each job is doing, and what jobs of its kind usually do then: learned as it happens, kept as plain values.

        HOST_INTERVAL rows ─▶ sums of a job each 30 s ─▶ phase (load, step, checkpoint, evaluate, idle)
                                                      ├▶ learned: how long a phase lasts, how much of what it brings
                                                      └▶ surprise: what this job has not done before, nor its kind

`infer` names the phase, `sketch` keeps distributions, `model` joins and judges them.
"""

from ringfence.watch.phases.model import Departure, Model, departures, learn, phase_of, phases_of, take

__all__ = ("Departure", "Model", "departures", "learn", "phase_of", "phases_of", "take")
