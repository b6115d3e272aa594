"""The matrix: sender x receiver x kind of message, each cell as exchange/matrix_rules.py wants it."""

import unittest

from exchange.matrix import Matrix
from exchange.matrix_rules import (DELIVERED, KINDS, NONE, REFUSED, SIDES, WAITS_HERE, WAITS_THERE,
                                   expected)

matrix = None


def setUpModule():
    global matrix
    matrix = Matrix().run()


class Cells(unittest.TestCase):
    def check(self, *sides):
        cells = [c for c in matrix.cells if c.sender.side in sides]
        self.assertEqual(len(cells), len(sides) * len(SIDES) * len(KINDS))
        self.assertEqual([f"{cell}: {cell.why}" for cell in cells if not cell.good], [])

    def test_the_gateway_ended_well(self):
        self.assertEqual(matrix.exit_code, 0)


class Rules(unittest.TestCase):
    def test_every_verdict_is_wanted_somewhere_and_most_are_deliveries(self):
        wanted = [expected(s, r, k) for s in SIDES for r in SIDES for k in KINDS]
        self.assertEqual(set(wanted), {DELIVERED, WAITS_HERE, WAITS_THERE, REFUSED, NONE})
        self.assertGreater(wanted.count(DELIVERED), len(wanted) // 2)


def add(side):
    def test(self):
        self.check(side)
    name = f"test_what_{side.name.replace('-', '_')}_sends_ends_as_the_rules_say"
    setattr(Cells, name, test)


for one in SIDES:
    add(one)


if __name__ == "__main__":
    unittest.main()
