"""
``python -m wsfallback [options]``: the same as ``twistd -n wsfallback [options]``.
"""

import sys

from twisted.scripts.twistd import run

if __name__ == "__main__":
    # Without a pid file, of which there is one for all twistds of a directory.
    sys.argv[1:1] = ["-n", "--pidfile=", "wsfallback"]
    run()
