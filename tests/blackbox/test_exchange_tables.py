"""The tables of the Exchange personalities, and the corpus."""

import hashlib
import unittest

from exchange import corpus
from exchange.facts import SECTIONS, STATES, Row
from exchange.personalities import ALL


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


if __name__ == "__main__":
    unittest.main()
