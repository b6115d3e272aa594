"""The tables of the Exchange personalities, and the corpus."""

import hashlib
import unittest

from exchange import corpus
from exchange.envelope import arrival, dress, fields, name_of
from exchange.facts import SECTIONS, STATES, Row
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
