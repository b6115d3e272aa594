"""Exchange 2000, 2003, 2007 and 2010 as the other side of an SMTP session, for the tests.

What they do stands in tables (rows_*.py) whose every row names its place in exchange-facts.md and
how sure that is; server.py and client.py only carry the tables out. tests/README.md tells how to
use them in a test and by hand.
"""
