"""An account rewrites a program that the superuser runs."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

MOVE = Move(
    id="RF-M047",
    name="writable_root_program",
    title="An account rewrites a program that the superuser runs",
    gives="code as the superuser when it next runs",
    rules=(
        Rule(
            start=(
                At("identity", "use"),
                At("host", "user"),
            ),
            to=At("host", "root"),
            facts=(
                Atom("root_runs_from", "host", "storage"),
                Atom("writable_by", "storage", "identity"),
            ),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("host", "root"),
            facts=(
                Atom("root_runs_from", "host", "storage"),
                Atom("writable_by", "storage", Is(EVERYONE)),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 1440, "estimate: one line appended, then the wait for the timer or the next boot"),
    why="Timers, units and cron tables run by path; whoever may change the file, or replace it in its folder, decides what runs.",
    end="Give the program and every folder above it to root with mode 0755 or less; never run root's programs from shared storage.",
    attack=("T1053.003", "T1543.002", "T1574"),
)
