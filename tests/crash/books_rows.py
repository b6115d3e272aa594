"""The books under test: small stories, and what must be said about each."""

from books import Books, read_ledger, read_sink_log

GOT = "m-1 aa b@f 250 900"
KILLS = [1000, 2000]


def copy(mark="m-1", digest="aa", to="b@f", how="answered", connection=1, opened=500, ms=800):
    return f"{digest} {mark} {to} {how} {connection} {opened} {ms}"


# What it shows, ledger, log of the server, what must be found: {attribute: how many}.
ROWS = [
    ("a message that came once is in order", [GOT], [copy()], {}),
    ("a 250 that never came is a loss", [GOT], [], {"lost": 1}),
    ("a 250 of which one recipient got nothing is a loss",
     [GOT, "m-1 aa c@f 250 900"], [copy()], {"lost": 1}),
    ("what was only cut is not there", [GOT], [copy(digest="-", how="cut")], {"lost": 1}),
    ("what a server took unanswered and never got again is a loss",
     [GOT], [copy(how="unanswered")], {"lost": 1}),
    ("what came changed is wrong", [GOT], [copy(digest="ab")], {"wrong": 1}),
    ("half a message that came is wrong", ["m-1 aa b@f cut 900"], [copy()], {"wrong": 1}),
    ("a refused message that came is wrong", ["m-1 aa b@f 451 900"], [copy()], {"wrong": 1}),
    ("a message that nobody sent is wrong", [GOT], [copy(), copy(mark="m-9")], {"wrong": 1}),
    ("one for whom it was not is wrong", [GOT], [copy(), copy(to="x@f")], {"wrong": 1}),
    ("a message without a 250 may come, for it may be durable",
     ["m-1 aa b@f unanswered 1010"], [copy()], {"committing": 1}),
    ("a message without a 250 need not come", ["m-1 aa b@f unanswered 1010"], [],
     {"accepting": 1}),
    ("a client that was cut off was being accepted", ["m-1 aa b@f cut 1010"], [],
     {"accepting": 1}),
    ("a client that was cut off long after a kill was not cut by it",
     ["m-1 aa b@f cut 9010"], [], {}),
    ("a server cut off in the middle was being delivered to",
     [GOT], [copy(), copy("-", "-", how="cut", ms=1005)], {"delivering": 1}),
    ("a repeat without a kill is unaccounted",
     [GOT], [copy(), copy(connection=2, ms=850)], {"unaccounted": 1}),
    ("a repeat on the same connection is unaccounted",
     [GOT], [copy(), copy(ms=850)], {"unaccounted": 1}),
    ("a repeat behind a kill is the kill's",
     [GOT], [copy(), copy(connection=2, opened=1100, ms=1200)],
     {"by_kill": 1, "recording": 1}),
    ("a repeat behind two kills takes two excuses",
     [GOT], [copy(), copy(connection=2, opened=1100, ms=1200),
             copy(connection=3, opened=2100, ms=2200)], {"by_kill": 2, "recording": 2}),
    ("one that the server answered when the gateway was dead is no recording",
     [GOT], [copy(ms=1300), copy(connection=2, opened=1100, ms=1200)], {"by_kill": 1}),
    ("a repeat of what was not the last on its connection is unaccounted",
     [GOT, "m-2 bb b@f 250 900"],
     [copy(), copy("m-2", "bb", ms=810), copy(connection=2, opened=1100, ms=1200)],
     {"unaccounted": 1}),
    ("a transaction that had only begun behind it does not matter",
     [GOT], [copy(), copy("-", "-", how="cut", ms=1005),
             copy(connection=2, opened=1100, ms=1200)],
     {"by_kill": 1, "delivering": 1, "recording": 1}),
    ("a repeat of what the server never answered is the server's",
     [GOT], [copy(how="unanswered"), copy(connection=2, ms=850)], {"by_sink": 1}),
    ("a refused recipient has a report", ["m-1 aa nobody@f 250 900"],
     [copy("-", "cc", to="report@c")], {}),
    ("a refused recipient without a report is a loss", ["m-1 aa nobody@f 250 900"], [],
     {"lost": 1}),
    ("two reports of one refusal are one too many", ["m-1 aa nobody@f 250 900"],
     [copy("-", "cc", to="report@c"), copy("-", "dd", to="report@c", ms=810)],
     {"bad_reports": 1}),
    ("a report that comes again behind a kill is the kill's", ["m-1 aa nobody@f 250 900"],
     [copy("-", "cc", to="report@c"), copy("-", "cc", "report@c", connection=2, opened=1100,
                                           ms=1200)], {"by_kill": 1, "recording": 1}),
    ("a report without a reason is wrong", [GOT], [copy(), copy("-", "cc", to="report@c")],
     {"bad_reports": 1}),
    ("a report of what was refused in the session is wrong", ["m-1 aa nobody@f 550 900"],
     [copy("-", "cc", to="report@c")], {"bad_reports": 1}),
]


def check():
    """The rows that came out wrong, each as a sentence."""
    failures = []
    for say, ledger, log, wanted in ROWS:
        books = Books(read_ledger(ledger), read_sink_log("sink", log), KILLS,
                      lambda p: "report@c" if p.recipient == "nobody@f" else None)
        found = {name: len(getattr(books, name))
                 for name in ("lost", "wrong", "unaccounted", "bad_reports", "by_kill", "by_sink")}
        found |= {phase: len(kills) for phase, kills in books.phases.items()}
        found = {name: count for name, count in found.items() if count}
        if found != wanted:
            failures.append(f"{say}: {found} instead of {wanted}")
    return failures
