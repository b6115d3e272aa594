"""How Windows takes a command line apart, and how a script of ours puts one together.

For texts only: nothing here runs a Windows program.
"""

import re


def split(line):
    """The arguments of a command line, as CommandLineToArgvW gives them (Microsoft's rules: blanks
    part, quotation marks hold together, 2n backslashes before a mark are n, 2n+1 make the mark a
    letter; the first word, the program, knows no backslash escapes)."""
    program = re.match(r'\s*(?:"([^"]*)"?|(\S*))', line)
    words = [program[1] if program[1] is not None else program[2]]
    word, quoted, at = None, False, program.end()
    while at < len(line):
        slashes = re.match(r'(\\*)(")?', line[at:])
        if slashes[0]:
            count, mark = len(slashes[1]), slashes[2]
            word = (word or "") + "\\" * (count // 2 if mark else count)
            if mark and count % 2:
                word += '"'
            elif mark:
                quoted = not quoted
            at += slashes.end()
            continue
        if line[at] in " \t" and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + line[at]
        at += 1
    return words if word is None else words + [word]


def expand(line, values):
    """A line of a .cmd file with its %NAME% and %~dp0 replaced once, as cmd.exe does: what they
    hold is not looked at again. A name without a value raises KeyError."""
    return re.sub(r"%~dp0|%~?1|%(\w+)%", lambda m: values[(m[1] or m[0]).lower()], line)


def concatenate(expression, values):
    """The value of a PowerShell expression of single-quoted literals, $variables and +."""
    at, text = 0, ""
    part = re.compile(r"\s*(?:'((?:[^']|'')*)'|\$(\w+))\s*(\+|$)")
    while at < len(expression):
        match = part.match(expression, at)
        if not match:
            raise ValueError("not a plain concatenation: " + expression[at:])
        text += match[1].replace("''", "'") if match[1] is not None else values[match[2].lower()]
        at = match.end()
    return text


def is_bare(line):
    """Whether cmd.exe finds nothing of its own language outside quotation marks in a line."""
    return not re.search(r"[&|<>^()]", re.sub(r'"[^"]*"', "", line))
