"""The corpus on both legs, and the way each body goes: contoso is 2003, fabrikam 2007."""

import hashlib
import unittest

from exchange import corpus
from exchange.envelope import dress, fields, name_of
from exchange_pair import Pair, other

pair = None


def setUpModule():
    global pair
    pair = Pair("exchange-crossing")


def tearDownModule():
    if pair:
        pair.stop()


def cross(forest, name):
    """What was sent, and how it was taken by the other side."""
    client = pair.clients[forest]
    mark = f"{name}-from-{forest}-{len(client.lines)}."
    data = dress(corpus.with_mark(corpus.make(name), mark), client.personality, client.name,
                 client.address)
    pair.hand_over(forest, data)
    return data, pair.arrives(other(forest), mark)


class Corpus(unittest.TestCase):
    def test_the_corpus_passes_both_legs_byte_for_byte(self):
        for forest in ("contoso", "fabrikam"):
            for name in corpus.NAMES:
                with self.subTest(f"{name} from {forest}"):
                    sent, taken = cross(forest, name)
                    header, body = fields(taken.data)
                    sent_header, sent_body = fields(sent)
                    self.assertEqual(hashlib.sha256(body).digest(),
                                     hashlib.sha256(sent_body).digest())
                    self.assertEqual([hashlib.sha256(f).digest() for f in header[-len(sent_header):]],
                                     [hashlib.sha256(f).digest() for f in sent_header])
                    ours = {name_of(f) for f in header[:-len(sent_header)]}
                    self.assertEqual(ours, {b"received", b"x-forestgate-trace"})
                    if name == "signed":
                        self.assertTrue(corpus.is_intact(taken.data))

    def test_what_came_in_anonymously_is_anonymous_there_and_nothing_else_is(self):
        for anonymous, wanted in ((True, "Anonymous"), (False, "Internal")):
            mark = f"as-{wanted}."
            pair.hand_over("contoso", corpus.with_mark(corpus.make("text"), mark),
                           anonymous=anonymous)
            taken = pair.arrives("fabrikam", mark)
            self.assertEqual(taken.options.get("AUTH"), "<>" if anonymous else None)
            self.assertIn(f"X-MS-Exchange-Organization-AuthAs: {wanted}\r\n".encode(), taken.stored)

    def test_fields_of_trust_do_not_leave_their_organization(self):
        client = pair.clients["fabrikam"]
        data = dress(corpus.with_mark(corpus.make("text"), "trust-1."), client.personality,
                     client.name, client.address, organization=True)
        self.assertEqual(data.lower().count(b"\nx-ms-exchange-"), 5)
        pair.hand_over("fabrikam", data)
        self.assertNotIn(b"x-ms-exchange-", pair.arrives("contoso", "trust-1.").data.lower())

    def test_8_bits_and_the_size_are_said(self):
        for forest in ("contoso", "fabrikam"):
            _, taken = cross(forest, "8bit")
            self.assertEqual((taken.options.get("BODY"), taken.options.get("SIZE")),
                             ("8BITMIME", str(len(taken.data))))

    def test_bdat_goes_out_where_the_body_needs_it_and_data_elsewhere(self):
        for name in ("text", "8bit", "tnef", "binary", "tnef-binary", "unended"):
            with self.subTest(name):
                _, taken = cross("contoso", name)
                needs = name in corpus.NEEDS_BINARYMIME or name == "unended"
                self.assertEqual((bool(taken.chunks), taken.binary), (needs, needs))


if __name__ == "__main__":
    unittest.main()
