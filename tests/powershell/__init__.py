"""What PowerShell of a version makes of a text, found without a Windows machine.

    from powershell import check
    complaints = check(text, "2007")        # [] for a script that Exchange 2007 SP1 can run

The grammar is tree-sitter's (parse.cjs, installed by scripts/bootstrap check); what each version
has stands in the tables beside this file, each entry with its source.
"""

from . import tables
from .rules import check, literals

__all__ = ["check", "literals", "tables"]
