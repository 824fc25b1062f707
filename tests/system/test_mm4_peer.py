"""The peer of the MM4 tests against itself: what it writes it reads, in every dialect; what nobody may write it does not take for granted."""
import hashlib
import threading
import time
import unittest

import mm4_values as values
import smtp_end
from case import the_photo
from certificates import Authority
from mm4_builder import DIALECTS, STANDARD, Dialect, Writer, slides
from mm4_message import CORRUPT, UNSUPPORTED, Mm4Error, read
from mm4_peer import Answer, Mm4Peer

A, B, C = "mms.a.example", "mms.b.example", "mms.c.example"
ALICE, BOB, CAROL = "+41790000001", "+48600000002", "+33600000003"
HTTP_DATE = "Fri, 20 Nov 2026 10:00:00 GMT"
AT = 1795168800


def forward(dialect=STANDARD, **more):
    more = {"parts": slides(), "their_domain": B, "to": [BOB], **more}
    return Writer(A, dialect).forward(ALICE, **more)


def reread(draft):
    return read(draft.octets())


class Values(unittest.TestCase):
    def test_each_value_is_read_as_it_may_be_written(self):
        rows = (
            (values.identifier, '"t-1@a"', "t-1@a"), (values.identifier, "t-1@a", "t-1@a"), (values.identifier, "<t-1@a>", "t-1@a"),
            (values.identifier, '"<t-1@a>"', "t-1@a"), (values.identifier, r'"a\"b"', 'a"b'),
            (values.version, "6.16.0", (6, 16, 0)), (values.version, "5.5", (5, 5, 0)), (values.version, "4", (4, 0, 0)),
            (values.version, "6.10.12", (6, 10, 12)),
            (values.expiry, HTTP_DATE, ("abs", AT)), (values.expiry, "604800", ("rel", 604800)), (values.expiry, "2026-11-20T10:00:00Z", ("abs", AT)),
            (values.expiry, "Fri, 20 Nov 2026 11:00:00 +0100", ("abs", AT)),
            (values.mm_status, "Unrecognized", "Unrecognised"), (values.mm_status, "RETRIEVED", "Retrieved"),
            (values.mm_status, "Whatever", "Indeterminate"),
            (values.read_status, "Deleted without being read", "Deleted without being read"),
            (values.read_status, "deleted-without-being-read", "Deleted without being read"),
            (values.read_status, "DeletedWithoutBeingRead", "Deleted without being read"), (values.read_status, "READ", "Read"),
            (values.request_status, "OK", "Ok"), (values.request_status, "200", "Ok"),
            (values.request_status, "Error-transient-failure", "Error-transient-failure"),
            (values.yes_no, "yes", True), (values.yes_no, "0", False), (values.yes_no, "true", True),
            (values.previously_date, f"0, {HTTP_DATE}", (0, AT)), (values.mailbox, "system=mms.a.example;party=x@y", "system-user@mms.a.example"),
            (values.mailbox, '"MMS Center" <system@mms.a.example>', "system@mms.a.example"), (values.mailbox, "<s@mms.a.example>", "s@mms.a.example"),
        )
        for reader, text, wanted in rows:
            with self.subTest(reader=reader.__name__, text=text):
                self.assertEqual(reader(text), wanted)

    def test_what_has_no_meaning_is_refused(self):
        rows = ((values.identifier, ""), (values.identifier, "a\x01b"), (values.identifier, "x" * 256), (values.version, "six"),
                (values.expiry, "tomorrow"),
                (values.read_status, "Seen"), (values.request_status, "Fine"), (values.yes_no, "perhaps"), (values.previously_date, HTTP_DATE),
                (values.address, "alice"), (values.address, "+1234567890123456/TYPE=PLMN@a.example"),
                (values.address, f"{ALICE}/TYPE=FAX@a.example"), (values.mail_date, "now"))
        for reader, text in rows:
            with self.subTest(reader=reader.__name__, text=text), self.assertRaises(ValueError):
                reader(text)

    def test_each_form_of_an_address_is_the_same_phone(self):
        for text in (f"{ALICE}/TYPE=PLMN@{A}", f"<{ALICE}/type=plmn@{A}>", f'"{ALICE}/TYPE=PLMN"@{A}', f'"Al, ice" <{ALICE}/TYPE=PLMN@{A}>',
                     f"{ALICE}/TYPE=PLMN", ALICE):
            with self.subTest(text=text):
                found = values.address(text)
                self.assertEqual((found.kind, found.user), ("PLMN", ALICE))
        both = values.addresses(f'"A, B" <{ALICE}/TYPE=PLMN@{A}>, {BOB}/TYPE=PLMN@{B}, x@y.example')
        self.assertEqual([found.kind for found in both], ["PLMN", "PLMN", "mail"])
        self.assertEqual(values.address(f"1234/TYPE=PLMN@{A}").kind, "short")


class Vectors(unittest.TestCase):
    """One MM4 message after another, as the specification and its readers have them."""

    def test_what_is_written_by_the_book_has_no_problems(self):
        writer = Writer(A)
        rows = (forward(), writer.response("MM4_forward.RES", '"t"', '"m"', "Ok", f"system-user@{B}"),
                writer.report("MM4_delivery_report.REQ", '"m"', ALICE, BOB, B, "Retrieved"),
                writer.report("MM4_delivery_report.REQ", '"m"', ALICE, BOB, B, "Rejected", MM_Status_Extension="Rejection-by-Other-RS"),
                writer.response("MM4_delivery_report.RES", '"t"', '"m"', "Error-message-not-found", f"system-user@{B}"),
                writer.report("MM4_read_reply_report.REQ", '"m"', ALICE, BOB, B, "Deleted without being read"),
                writer.response("MM4_read_reply_report.RES", '"t"', '"m"', "Ok", f"system-user@{B}"))
        for draft in rows:
            with self.subTest(draft.get("X-Mms-Message-Type")):
                self.assertEqual(reread(draft).problems(STANDARD), [])

    def test_every_dialect_is_understood(self):
        photo = bytes(range(256)) * 40
        for name, dialect in DIALECTS.items():
            with self.subTest(name):
                single = dialect.structure == "single"
                text = "Größe: 5"
                message = reread(forward(dialect, subject="Grüße", parts=slides(text, photo), cc=[CAROL], transaction_id="t-1@a", message_id="m-1@a",
                                         delivery_report=True, read_reply=False))
                self.assertEqual((message.type, message.transaction_id, message.message_id), ("MM4_forward.REQ", "t-1@a", "m-1@a"))
                self.assertEqual((message["From"].user, [to.user for to in message["To"]], [to.user for to in message["Cc"]]),
                                 (ALICE, [BOB], [CAROL]))
                self.assertEqual((message["Subject"], message["X-Mms-Delivery-Report"], message["X-Mms-Read-Reply"], message.ack),
                                 ("Grüße", True, False, True))
                self.assertLess(abs(message["X-Mms-Expiry"][1] - (3600 if dialect.expiry == "seconds" else time.time() + 3600)), 5)
                self.assertFalse(single)
                self.assertEqual(message.part("image/jpeg").data, photo)
                self.assertEqual(message.part("text/plain").text(), text)
                self.assertEqual(message.root.type, "application/smil")

    def test_a_strict_reader_notices_each_departure(self):
        rows = {"unquoted ids": STANDARD, "expiry in seconds": STANDARD, "addresses without domain": STANDARD, "addresses without type": STANDARD,
                "capitals": STANDARD,
                "yes and no as digits": STANDARD, "rel-6": STANDARD, "aliases": STANDARD, "no Sender": STANDARD, "Sender in angle brackets": STANDARD,
                "no originator system": STANDARD, "related without brackets": STANDARD, "expiry as in RFC 3339": STANDARD,
                "PostMaster": Dialect(rel6=False)}
        for name, expected in rows.items():
            with self.subTest(name):
                self.assertTrue(reread(forward(DIALECTS[name], parts=slides())).problems(expected))
        self.assertEqual(reread(forward(DIALECTS["rel-5"])).problems(DIALECTS["rel-5"]), [])
        bare = forward(DIALECTS["addresses without domain"]).set("From", f"{ALICE}/TYPE=PLMN@{A}")   # only the recipients are bare
        self.assertEqual(reread(bare).problems(bare.dialect), [])

    def test_each_mandatory_field_is_missed(self):
        report = Writer(B).report("MM4_delivery_report.REQ", '"m"', BOB, ALICE, A, "Retrieved")
        read_reply = Writer(B).report("MM4_read_reply_report.REQ", '"m"', BOB, ALICE, A, "Read")
        response = Writer(B).response("MM4_forward.RES", '"t"', '"m"', "Ok", f"x@{A}")
        rows = ((forward(), ("X-Mms-3GPP-MMS-Version", "X-Mms-Message-Type", "X-Mms-Transaction-ID", "From", "To", "Date")),
                (report, ("X-Mms-Message-Type", "X-Mms-Transaction-ID", "From", "To", "Date", "X-Mms-MM-Status-Code")),
                (read_reply, ("X-Mms-3GPP-MMS-Version", "X-Mms-Transaction-ID", "From", "To", "Date", "X-Mms-Read-Status")),
                (response, ("X-Mms-Transaction-ID", "X-Mms-Request-Status-Code")))
        for draft, names in rows:
            for name in names:
                with self.subTest(type=draft.get("X-Mms-Message-Type"), name=name):
                    fields, draft.fields = draft.fields, [field for field in draft.fields if field[0] != name]
                    with self.assertRaises(Mm4Error) as raised:
                        reread(draft)
                    self.assertEqual(raised.exception.status, CORRUPT)
                    draft.fields = fields
        self.assertEqual(reread(forward().drop("X-Mms-Message-ID").set("Message-ID", "<own@a>")).message_id, "own@a")

    def test_a_type_that_nobody_knows(self):
        with self.assertRaises(Mm4Error) as raised:
            reread(forward().set("X-Mms-Message-Type", "MM4_capability_negotiation.REQ"))
        self.assertEqual(raised.exception.status, UNSUPPORTED)

    def test_recipients_of_others_and_blind_ones(self):
        draft = Writer(A).forward(ALICE, [BOB, f"{CAROL}/TYPE=PLMN@{C}"], bcc=["+48600000009"], their_domain=B, parts=slides())
        message = reread(draft)
        self.assertEqual([(to.user, to.domain) for to in message["To"]], [(BOB, B), (CAROL, C)])
        self.assertIn(f"+48600000009/TYPE=PLMN@{B}", draft.recipients)
        self.assertNotIn(b"+48600000009", draft.octets())

    def test_odd_values_are_kept_or_doubted(self):
        message = reread(forward().set("X-Mms-Message-Class", "Test").set("X-Mms-Expiry", "tomorrow").add("X-Mms-Fee-Code", "7"))
        self.assertEqual(message["X-Mms-Message-Class"], "Test")
        self.assertIsNone(message.get("X-Mms-Expiry"))
        self.assertTrue(any("X-Mms-Expiry" in doubt for doubt in message.doubts))
        self.assertEqual(message.unknown, [("X-Mms-Fee-Code", "7")])
        again = reread(forward().add("X-Mms-Priority", "High"))
        self.assertEqual(again["X-Mms-Priority"], "Normal")

    def test_forwarding_history_is_split_at_the_first_comma(self):
        draft = forward().add("X-Mms-Forward-Counter", "2")
        for number, who in enumerate((BOB, CAROL)):
            draft.add("X-Mms-Previously-sent-by", f"{number}, {who}/TYPE=PLMN@{A}").add("X-Mms-Previously-sent-date-and-time",
                                                                                        f"{number}, {HTTP_DATE}")
        message = reread(draft)
        self.assertEqual([(number, who[0].user) for number, who in message["X-Mms-Previously-sent-by"]], [(0, BOB), (1, CAROL)])
        self.assertEqual(message["X-Mms-Previously-sent-date-and-time"], [(0, AT), (1, AT)])
        self.assertEqual(message.problems(STANDARD), [])

    def test_broken_bodies_are_corrupt(self):
        whole = forward(parts=slides(photo=b"x" * 100)).octets()
        for name, octets in (("no end", whole[:-40]), ("bare LF in the header", whole.replace(b"\r\nFrom", b"\nFrom", 1)),
                             ("NUL", whole.replace(b"Personal", b"Per\0onal", 1))):
            with self.subTest(name), self.assertRaises(Mm4Error):
                read(octets)


class Loopback(unittest.TestCase):
    """Two peers: requests, responses, reports, and what goes wrong on the way."""

    def pair(self, **options_of_b):
        a = self.enterContext(Mm4Peer(A, "127.0.0.1"))
        b = self.enterContext(Mm4Peer(B, "127.0.0.1", accepts=lambda number: number.startswith("+48"), **options_of_b))
        a.gateway, b.gateway = ("127.0.0.1", b.port), ("127.0.0.1", a.port)
        return a, b

    def forward(self, **more):
        return forward(**more)

    def test_an_exchange_with_both_reports(self):
        a, b = self.pair()
        photo = the_photo()
        outcome = a.send(self.forward(parts=slides("Hello", photo), delivery_report=True, read_reply=True))
        self.assertTrue(outcome.taken, outcome.text)
        received = b.forwards()[0]
        self.assertEqual(hashlib.sha256(received.message.part("image/jpeg").data).digest(), hashlib.sha256(photo).digest())
        self.assertEqual(a.wait_for("MM4_forward.RES")[0].message.transaction_id, received.message.transaction_id)
        self.assertTrue(b.send(b.report_on(received, BOB, ack=True)).taken)
        self.assertTrue(b.send(b.read_report_on(received, BOB)).taken)
        self.assertEqual(a.wait_for("MM4_delivery_report.REQ")[0].message.status, "Retrieved")
        self.assertEqual(b.wait_for("MM4_delivery_report.RES")[0].message.status, "Ok")
        self.assertEqual(a.wait_for("MM4_read_reply_report.REQ")[0].message.message_id, received.message.message_id)
        self.assertEqual(a.problems + b.problems, [])

    def test_every_way_to_answer(self):
        rows = (("not at all", None, []), ("twice", Answer(times=2), ["Ok", "Ok"]),
                ("two statuses", [Answer("Error-network-problem"), Answer()], None),
                ("unknown status", Answer("Error-of-a-kind"), ["Error-of-a-kind"]),
                *[(status, Answer(status), [status]) for status in values.REQUEST_STATUSES])
        for name, answer, wanted in rows:
            with self.subTest(name):
                a, b = self.pair(answer=lambda received, answer=answer: answer)
                a.send(self.forward())
                b.forwards()
                if answer is None:
                    a.send(self.forward(ack=False))
                    b.forwards(2)
                    self.assertEqual((a.received, b.answered), ([], []))
                    continue
                count = 2 if wanted is None else len(wanted)
                statuses = [received.message.status for received in a.wait_for("MM4_forward.RES", count)]
                self.assertEqual(sorted(statuses), sorted(wanted or ["Error-network-problem", "Ok"]))

    def test_an_answer_waits_for_the_test_and_may_name_another_transaction(self):
        late = threading.Event()
        a, b = self.pair(answer=lambda received: Answer(after=late, transaction_id='"alien@x"'))
        a.send(self.forward())
        b.forwards()
        self.assertEqual(a.received, [])
        late.set()
        self.assertEqual(a.wait_for("MM4_forward.RES")[0].message.transaction_id, "alien@x")

    def test_the_server_notices_a_careless_envelope(self):
        a, b = self.pair()
        draft = self.forward(to=[BOB, CAROL], recipients=[f"{BOB}/TYPE=PLMN@{B}", f"{CAROL}/TYPE=PLMN@{B}", f"{BOB}@{B}"])
        draft.mail_from = f"{BOB}/TYPE=PLMN@{A}"
        self.assertTrue(a.send(draft).taken)
        b.forwards()
        self.assertEqual(len([problem for problem in b.problems if "RCPT TO" in problem or "MAIL FROM" in problem]), 3, b.problems)

    def test_refusals_drops_and_silence_at_each_stage(self):
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."):
            for reply in ("451 4.3.0 later", "close"):
                with self.subTest(verb=verb, reply=reply):
                    a, b = self.pair(script=lambda envelope, seen, argument: reply if seen == verb else None)
                    outcome = a.send(self.forward())
                    self.assertFalse(outcome.taken)
                    self.assertEqual(outcome.code, 451 if reply != "close" else 0, outcome.replies)
        slow = threading.Event()
        a, b = self.pair(script=lambda envelope, verb, argument: slow.wait() and None if verb == "MAIL" else None)
        sending = threading.Thread(target=a.send, args=(self.forward(),))
        sending.start()
        b.server.wait(lambda: b.server.said("MAIL"), "MAIL")
        self.assertEqual(b.received, [])
        slow.set()
        b.forwards()
        sending.join()

    def test_down_and_up_again(self):
        a, b = self.pair()
        b.down()
        with self.assertRaises(OSError):
            a.send(self.forward())
        b.up()
        self.assertTrue(a.send(self.forward()).taken)

    def test_sizes_and_binary_chunks(self):
        a, b = self.pair(size=2000)
        self.assertEqual(a.send(self.forward(), mail_options=["SIZE=3000"]).of("MAIL"), [552])
        self.assertEqual(a.send(self.forward(parts=slides("x" * 3000))).code, 552)
        photo = b"\r\n.\r\n\0\n\r" * 1000
        a, b = self.pair()
        self.assertTrue(a.send(self.forward(dialect=DIALECTS["binary media"], parts=slides(photo=photo))).taken)
        self.assertEqual(b.forwards()[0].message.part("image/jpeg").data, photo)


class Secure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.__exit__)
        cls.of_a, cls.of_b = cls.authority.issue(A), cls.authority.issue(B)

    def test_tls_in_each_form(self):
        server, mutual = self.authority.server(self.of_b), self.authority.server(self.of_b, mutual=True)
        client, shown = self.authority.client(), self.authority.client(self.of_a)
        rows = (("STARTTLS", {"tls": server}, {"tls": client}, True),
                ("implicit", {"tls": server, "implicit": True}, {"tls": client, "implicit": True}, True),
                ("mutual", {"tls": mutual}, {"tls": shown}, True), ("mutual without a certificate", {"tls": mutual}, {"tls": client}, False),
                ("AUTH PLAIN", {"tls": server, "users": {"a": "secret"}, "must_authenticate": True},
                 {"tls": client, "user": "a", "password": "secret"}, True),
                ("AUTH LOGIN", {"tls": server, "users": {"a": "secret"}, "must_authenticate": True},
                 {"tls": client, "user": "a", "password": "secret", "mechanism": "LOGIN"}, True),
                ("wrong password", {"tls": server, "users": {"a": "secret"}, "must_authenticate": True},
                 {"tls": client, "user": "a", "password": "guess"}, False),
                ("nobody", {"tls": server, "users": {"a": "secret"}, "must_authenticate": True}, {"tls": client}, False))
        for name, of_server, of_client, taken in rows:
            with self.subTest(name):
                b = self.enterContext(Mm4Peer(B, **of_server))
                draft = forward()
                outcome = smtp_end.send(("127.0.0.1", b.port), draft.mail_from, draft.recipients, draft.octets(), server_name=B, **of_client)
                self.assertEqual(outcome.taken, taken, outcome.replies)
                if taken:
                    envelope = b.forwards()[0].envelope
                    self.assertTrue(envelope.tls.startswith("TLSv1."))
                    self.assertEqual(bool(envelope.certificate), name == "mutual")
                    self.assertEqual(envelope.user, "a" if name.startswith("AUTH") else "")

    def test_a_pin_is_the_digest_of_the_public_key(self):
        self.assertRegex(self.of_a.pin, r"^[A-Za-z0-9+/]{43}=$")
        self.assertNotEqual(self.of_a.pin, self.of_b.pin)


if __name__ == "__main__":
    unittest.main()
