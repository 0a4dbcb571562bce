"""`make fuzz`: every property with new examples, for a minute or as long as you like.

A line for each: how many examples, and whether it held. What does not is printed with the smallest
input that shows it, and with the seed that finds it again.
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback

from tests.fuzz import test_addresses, test_keys, test_log, test_magic_line, test_stream, test_text
from tests.fuzz.properties import PROPERTIES, Property

MODULES = (test_addresses, test_keys, test_log, test_magic_line, test_stream, test_text)


def main() -> int:
    options = _options()
    chosen = [each for each in PROPERTIES if options.only in each.name]
    print(f"{len(chosen)} properties, {options.seconds:g} s in all, seed {options.seed}")
    held = [_held(each, options.seconds / len(chosen), options.seed) for each in chosen]
    return 0 if all(held) and held else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all of them together")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="begin there")
    parser.add_argument("--only", default="", metavar="WORDS", help="properties with these words")
    return parser.parse_args()


def _held(each: Property, seconds: float, seed: int) -> bool:
    try:
        count = each.fuzz(seconds, seed)
    except Exception:
        print(f"FAILED  {each.name}")
        traceback.print_exc(file=sys.stdout)
        return False
    print(f"{count:>7,}  {each.name}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
