"""The complaints about a script: check(text, version) and what it consists of."""

import re

from . import constructs, quotes, tables
from .grammar import parse

CHANGING = ("New-", "Set-", "Add-", "Remove-", "Enable-", "Disable-", "Update-", "Import-", "Retry-",
            "Suspend-", "Resume-", "Move-")
DIRECTORY_WRITES = {"setinfo", "commitchanges", "deletetree", "setpassword"}
LITERAL = re.compile(r"^'([^']|'')*'$|^\"[^\"$`]*\"$|^[A-Za-z0-9_.-]+$")


def where(fact):
    return f"line {fact['line']}, column {fact['column']}: "


def unquote(word):
    """The value of a literal word as written, None for what only PowerShell can know."""
    word = word.strip()
    if not LITERAL.match(word):
        return None
    if word[0] == "'":
        return word[1:-1].replace("''", "'")
    return word.strip('"')


class Script:
    """One parsed text and the version that it is for."""

    def __init__(self, text, version, libraries=()):
        self.facts = parse(text)
        self.version = version
        self.shell = tables.shell()
        self.exchange = tables.exchange(version)
        self.functions = {
            f["name"].lower().split(":")[-1]: {p["name"].lower() for p in f["parameters"]}
            for facts in (*map(parse, libraries), self.facts) for f in facts["functions"]}
        self.aliases = {alias.lower(): entry for table in (self.shell, self.exchange)
                        for entry in table.values() for alias in entry.alias}
        self.common = self.shell["%common"].has

    def entry(self, name):
        name = name.lower()
        return self.exchange.get(name) or self.shell.get(name) or self.aliases.get(name)


def syntax(script):
    for error in script.facts["errors"]:
        piece = error["text"].strip().split("\n")[0][:40]
        yield where(error) + f"no PowerShell: {piece or 'something is missing here'}"


def program_of(name):
    """What `& "$env:SystemRoot\\system32\\dsadd.exe"` runs: dsadd.exe."""
    return name.strip("'\"").replace("/", "\\").split("\\")[-1].lower()


def is_dynamic(command):
    return command["operator"] and command["name"][:1] in "$({"


def of_parameter(script, entry, name):
    """Why a cmdlet does not take -name, "" when it does."""
    name = name.lower()
    if name in entry.has or name in script.common:
        return ""
    if name in entry.sp1:
        return "" if script.version != "2007-rtm" else "came with service pack 1"
    if name in entry.sp2:
        return "came with service pack 2"
    if name in entry.unconfirmed:
        return "is in no source that was seen"
    known = {**entry.has, **entry.sp1, **script.common}
    begins = sorted(full for low, full in known.items() if low.startswith(name))
    if len(begins) == 1:
        return f"is short for -{begins[0]}: write it out"
    if begins:
        return "is ambiguous: -" + ", -".join(begins)
    return "is not one of its parameters"


def cmdlet_parameters(script, command, entry):
    for parameter in command["parameters"]:
        why = of_parameter(script, entry, parameter["name"])
        if why:
            yield where(parameter) + f"{entry.name} -{parameter['name']} {why}"
        words = entry.values.get(parameter["name"].lower())
        if not words:
            continue
        known = {word.lower() for word in words}
        for part in parameter["value"].strip("@()").split(","):
            value = unquote(part)
            if value is not None and value.strip().lower() not in known:
                yield where(parameter) + f"{entry.name} -{parameter['name']} does not take {part.strip()}"


def function_parameters(script, command, known):
    for parameter in command["parameters"]:
        name = parameter["name"].lower()
        if name not in known and name not in script.common:
            yield where(parameter) + f"{command['name']} has no parameter -{parameter['name']}"


def commands(script):
    programs = {word.lower() for word in script.shell["%programs"].words}
    for command in script.facts["commands"]:
        name = command["name"]
        if is_dynamic(command) or program_of(name) in programs:
            continue
        if command["operator"] and program_of(name).endswith(".ps1"):
            continue
        if name.lower() in script.functions:
            yield from function_parameters(script, command, script.functions[name.lower()])
            continue
        entry = script.entry(name)
        if entry is None:
            yield where(command) + f"{name} is no command of Exchange {script.version} or PowerShell 1.0"
            continue
        yield from cmdlet_parameters(script, command, entry)


def is_guarded(fact):
    return any("$whatif" in condition.lower() for condition in fact["guards"])


def changes(script):
    """(fact, what, does -WhatIf reach it) for everything that changes something."""
    programs = {word.lower() for word in script.shell["%changing-programs"].words}
    verbs = tuple(verb.lower() for verb in CHANGING)
    for command in script.facts["commands"]:
        name = command["name"].lower()
        if not (name in script.exchange and name.startswith(verbs)) and program_of(name) not in programs:
            continue
        handed = [p for p in command["parameters"] if p["name"].lower() == "whatif"]
        reached = handed and handed[0]["colon"] and handed[0]["value"].lower() == "$whatif"
        yield command, command["name"], reached
    for call in script.facts["constructs"]:
        if call["kind"] == "call" and call["text"].lower() in DIRECTORY_WRITES:
            yield call, f".{call['text']}()", False


def trial_runs(script):
    """-WhatIf must reach everything that changes something, or a condition must ask for it."""
    found = list(changes(script))
    switch = [p for p in script.facts["parameters"] if p["name"].lower() == "whatif"]
    if found and (not switch or "switch" not in switch[0]["type"].lower()):
        yield "line 1, column 1: the script changes something and has no [switch]$WhatIf"
    for fact, what, reached in found:
        if not reached and not is_guarded(fact):
            yield where(fact) + f"{what} changes something without -WhatIf:$WhatIf"


def check(text, version, setup=False, libraries=()):
    """What is wrong with a script on an Exchange of that version: a list of complaints.

    text      the script as it would be saved; a byte order mark counts as one
    version   "2007-rtm", "2007" (service pack 1 and later) or "2010"
    setup     -WhatIf must reach everything that it changes
    libraries the texts of the scripts that it loads with a dot: their functions are known
    """
    script = Script(text, version, libraries)
    found = [*syntax(script), *quotes.complaints(text, script.facts), *constructs.complaints(script),
             *commands(script)]
    if setup:
        found += trial_runs(script)
    return found


def literals(text, cmdlet, parameter):
    """Values of a parameter's single-quoted words, by call: what PowerShell would hand over.
    A word that is anything else stands there as None."""
    found = []
    for command in parse(text)["commands"]:
        if command["name"].lower() != cmdlet.lower():
            continue
        for p in command["parameters"]:
            if p["name"].lower() == parameter.lower():
                found.append(quotes.read_list(p["value"]))
    return found
