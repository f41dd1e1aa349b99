"""What an attacker can do: one move a file, registered here by one line."""

from ringfence.analyse.rule import Move

MOVES: tuple[Move, ...] = ()
