"""What PowerShell 1.0 has no grammar for, found among the constructs of a script."""

import re

COMPARISONS = {"eq", "ne", "ge", "gt", "le", "lt", "like", "notlike", "match", "notmatch", "contains",
               "notcontains", "replace"}
OPERATORS = {f"-{case}{name}" for name in COMPARISONS for case in ("", "c", "i")} | {
    "-is", "-isnot", "-as", "-and", "-or", "-not", "!", "-band", "-bor", "-bnot", "-f",
    "+", "-", "++", "--", ","}
REDIRECTIONS = {">", ">>", "2>", "2>>", "2>&1"}
BLOCKS = {"begin", "process", "end"}
SWITCH_MODES = {"-regex", "-wildcard", "-exact", "-casesensitive", "-file"}
STATEMENTS = {
    "try_statement": "try", "class_statement": "class", "enum_statement": "enum",
    "data_statement": "data", "parallel_statement": "parallel", "sequence_statement": "sequence",
    "inlinescript_statement": "inlinescript", "stop_parsing": "--%",
    "pipeline_chain_tail": "&& and ||", "foreach_parameter": "foreach -parallel",
    "invokation_foreach_expression": ".foreach() and .where()", "attribute": "an attribute",
    "assigned_statement": "a statement as a value",
}
VARIABLES = {"psscriptroot", "pscommandpath", "psboundparameters", "pscmdlet", "psitem",
             "psversiontable", "psculture", "psuiculture", "psdefaultparametervalues"}
MEMBERS = {"new": "::new()", "isnullorwhitespace": "IsNullOrWhiteSpace (.NET 4)"}


def of_variable(text):
    name = text.strip("{}").lstrip("$@{").lower()
    if text.startswith("@"):
        return f"splatting ({text})"
    if name.startswith("using:"):
        return "$using:"
    return f"${name}" if name.split(":")[-1] in VARIABLES else ""


def of_type(text, types):
    name = re.sub(r"\[\s*\]$", "", text[1:-1].strip()).strip().lower()
    return "" if name in types else f"the type [{name}]"


def newer(fact, types):
    """What of a later PowerShell a construct is, "" for none."""
    kind, text = fact["kind"], fact["text"]
    low = text.strip().lower()
    if kind in STATEMENTS:
        return STATEMENTS[kind]
    if kind in ("comparison_operator", "logical_operator"):
        return "" if low in OPERATORS else f"the operator {low}"
    if kind == "unary_operator":
        return f"the operator {low}" if low.startswith("-") and low not in OPERATORS else ""
    if kind in ("file_redirection_operator", "merging_redirection_operator"):
        return "" if low in REDIRECTIONS else f"the redirection {low}"
    if kind == "block_name":
        return "" if low in BLOCKS else f"the block {low}"
    if kind == "switch_parameter":
        return "" if low in SWITCH_MODES else f"switch {low}"
    if kind == "comment":
        return "a block comment" if text.startswith("<#") else ""
    if kind == "variable":
        return of_variable(text)
    if kind == "type_literal":
        return of_type(text, types)
    if kind == "member_name":
        return MEMBERS.get(low, "")
    return "a pipe at the beginning of a line" if kind == "leading_pipe" else ""


def complaints(script):
    types = {word.lower() for word in script.shell["%types"].words}
    for fact in script.facts["constructs"]:
        what = newer(fact, types)
        if what:
            yield f"line {fact['line']}, column {fact['column']}: PowerShell 1.0 does not have {what}"
    for function in script.facts["functions"]:
        if function["keyword"] not in ("function", "filter"):
            yield f"line 1, column 1: PowerShell 1.0 does not have {function['keyword']}"
