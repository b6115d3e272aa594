"""The personalities by name."""

from .rows_hub import EXCHANGE_2007, EXCHANGE_2010
from .rows_legacy import EXCHANGE_2000, EXCHANGE_2003, EXCHANGE_2003_KB

ALL = (EXCHANGE_2000, EXCHANGE_2003, EXCHANGE_2003_KB, EXCHANGE_2007, EXCHANGE_2010)


def personality(name):
    for one in ALL:
        if one.name.lower() == name.lower():
            return one
    raise ValueError(f"no personality \"{name}\": {', '.join(p.name for p in ALL)}")
