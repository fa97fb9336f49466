"""
Who was refused, out of a log of --log-format json: python refused.py < wsfallback.log
"""

import json
import sys
from collections import Counter


def counted(lines):
    found = Counter()
    for line in lines:
        event = json.loads(line)
        if event["logger"] == "wsfallback.journal" and "status" in event:
            address = event["peer"].partition(":")[2].rpartition(":")[0]
            found[event["draft"] or "unknown", event["status"], address, event["origin"]] += 1
    return found


if __name__ == "__main__":
    for (draft, status, address, origin), times in counted(sys.stdin).most_common():
        print(f"{times:7} {draft:9} {status} {address:20} {origin or 'no origin'}")
