"""The tables of the Exchange personalities, and the corpus."""

import hashlib
import os
import unittest

from exchange import corpus, facts
from exchange.envelope import arrival, dress, fields, name_of
from exchange.facts import INFERRED, KNOWN, SECTIONS, STATES, UNCONFIRMED, Row, Table
from exchange.personalities import ALL, personality


class Tables(unittest.TestCase):
    def test_every_row_of_every_personality_names_its_place_and_how_sure_it_is(self):
        for one in ALL:
            rows = list(one.rows())
            self.assertGreater(len(rows), 100)
            for name, row in rows:
                with self.subTest(f"{one.name}: {name}"):
                    self.assertIsInstance(row, Row)
                    self.assertEqual(list(row.complaints()), [])

    def test_a_row_without_a_place_is_noticed(self):
        self.assertEqual(len(list(Row("x", "9.9", "sure", "monday").complaints())), 3)
        self.assertTrue(SECTIONS and len(STATES) == 3)

    def test_no_row_is_there_for_show(self):
        """Each is asked for by its name somewhere; the rows of EHLO are all sent."""
        folder = os.path.dirname(facts.__file__)
        code = ""
        for name in os.listdir(folder):
            if name.endswith(".py") and not name.startswith("rows_"):
                with open(os.path.join(folder, name)) as f:
                    code += f.read()
        names = {name for one in ALL for table in one.tables() for name, _ in table.items()}
        self.assertEqual([n for n in sorted(names) if f'"{n}"' not in code], [])

    def test_what_was_seen_of_another_version_is_no_more_than_inferred(self):
        seen = Table("t", a=Row(1, "3.1", KNOWN), b=Row(2, "3.1", KNOWN), c=Row(3, "3.1", UNCONFIRMED))
        self.assertEqual([row.state for _, row in seen.inferred("a").items()],
                         [INFERRED, KNOWN, UNCONFIRMED])
        self.assertEqual([row.state for _, row in seen.inferred().items()],
                         [INFERRED, INFERRED, UNCONFIRMED])

    def test_the_corpus_is_the_same_each_time(self):
        self.assertEqual({n: hashlib.sha256(corpus.make(n)).hexdigest() for n in corpus.NAMES},
                         corpus.sums())
        signed = corpus.make("signed")
        self.assertTrue(corpus.is_intact(signed))
        self.assertFalse(corpus.is_intact(signed.replace(b"blanks   ", b"blanks")))

    def test_each_version_dresses_its_own_messages(self):
        def names(who, **more):
            return [name_of(f).decode() for f in fields(dress(
                b"Subject: s\r\n\r\nb\r\n", personality(who), "ex.contoso.example", "127.0.1.1",
                **more))[0]]
        self.assertEqual(names("2003"), ["x-mimeole", "content-class", "x-originalarrivaltime",
                                         "subject"])
        self.assertEqual(names("2007"), ["received", "subject"])
        self.assertEqual(names("2007", organization=True)[1:4],
                         ["x-ms-exchange-organization-" + n for n in
                          ("authas", "authmechanism", "authsource")])
        self.assertEqual(names("2003", organization=True), names("2003"))
        text = arrival(personality("2003").headers["arrival"], 1208931438.0123)
        self.assertEqual(text, "X-OriginalArrivalTime: 23 Apr 2008 06:17:18.0123 (UTC) "
                         "FILETIME=[01C8A509:AE730B78]")


if __name__ == "__main__":
    unittest.main()
