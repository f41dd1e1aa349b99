"""Nobody but the superuser can change what the superuser starts."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

_RUNS = Atom("root_runs_from", "it", "place")

CHECK = Check(
    id="RF-H13",
    name="root_programs",
    title="Nobody but the superuser can change what the superuser starts",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(When((_RUNS, Atom("writable_by", "place", "who")), "an account may change a program that root starts"),),
    rests=(asked_of("programs", complete=True),),
    why="Whoever writes a program of cron or systemd is the superuser at its next start.",
    remedy="chown root and chmod 0755 the program and every folder above it.",
    opens=("root",),
    weight=7,
    threats=("RF.T19",),
    refs=Refs(nist=("AC-6", "CM-5"), attack=("T1053.003", "T1543.002"), d3fend=("D3-LFP",)),
    source="crontab(5), systemd.service(5)",
)
