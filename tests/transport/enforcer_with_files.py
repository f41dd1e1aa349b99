"""The real enforcer process, with the test enforcer of `parts` in place of nftables: DIR SETTINGS FOLDER."""

import sys
from pathlib import Path

from ringfence.app.enforcer.run import serve
from ringfence.app.enforcer.settings import read
from tests.transport.parts import drivers

if __name__ == "__main__":
    folder, settings, files = map(Path, sys.argv[1:4])
    serve(folder, read(settings), drivers(files))
