"""The real enforcer process with the real nftables, in the network namespace that it was started in: DIR SETTINGS."""

import sys
from pathlib import Path

from ringfence.app.enforcer.run import serve
from ringfence.app.enforcer.settings import read
from ringfence.enforce.nftables import Nftables

if __name__ == "__main__":
    folder, settings = map(Path, sys.argv[1:3])
    serve(folder, read(settings), {"nftables": lambda where, job: Nftables(where)})
