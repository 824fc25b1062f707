"""What the tests of MM4 begin with: a gateway and two relays of other operators, each at a loopback address of its own."""
import json

import pdu
from case import DOMAIN, ONE, Case
from mm4_builder import STANDARD, slides
from mm4_peer import Mm4Peer

B, C = "mms.b.example", "mms.c.example"
BOB, BEN, CAROL, CHRIS = "+48600000002", "+48600000003", "+33600000004", "+33600000005"
NEVER = "+15550001"   # in nobody's range

READ, UNREAD = 0x80, 0x81   # Read-Status of MM1
YES, NO = 0x80, 0x81


def text_part(text="some text"):
    return pdu.Part("text/plain", text.encode(), {"charset": "utf-8"}, {"Content-ID": "<t>", "Content-Location": "t.txt"})


def read_rec(message_id, to, status=READ, version=0x92):
    """M-Read-Rec.ind"""
    out = pdu.field("X-Mms-Message-Type", 0x87) + pdu.field("X-Mms-MMS-Version", version) + pdu.field("Message-ID", message_id)
    return out + pdu.field("To", to) + pdu.field("From", None) + pdu.field("X-Mms-Read-Status", status)


class Mm4Case(Case):
    """`self.b`, `self.c`: the relays; `PEER_B`, `PEER_C`: more keys of their [[peer]]; `EXPECTED_B`: how the gateway is to write to b."""

    # Relays call from addresses from which no mail is taken.
    OPTIONS = {"smtp": {"networks": ["127.0.0.1/32"]}, "mm4": {"response_timeout": "30s", "retry": ["1s"], "mail_networks": ["127.0.0.1/32"]},
               "queue": {"retry": ["1s"], "report_delay": "0s"}}
    PEER_B, PEER_C, EXPECTED_B = {}, {}, STANDARD
    SERVER_B = {}

    def setUp(self):
        self.b = self.enterContext(Mm4Peer(B, "127.0.1.2", expected=self.EXPECTED_B, accepts=lambda number: number.startswith("+48600"),
                                           **self.SERVER_B))
        self.c = self.enterContext(Mm4Peer(C, "127.0.1.3", accepts=lambda number: number.startswith("+33600")))
        super().setUp()

    def tearDown(self):
        self.assertEqual(self.b.problems + self.c.problems, [])
        super().tearDown()

    def peers(self):
        return [self.b.keys("b", prefixes=["+48600"], **self.PEER_B), self.c.keys("c", prefixes=["+33600"], **self.PEER_C)]

    def start(self, **more):
        gateway = super().start(**{"peer": self.peers(), **more})
        self.b.gateway = self.c.gateway = gateway.smtp
        return gateway

    def again(self, **sections):
        """Restarts the gateway with other keys."""
        self.gateway.stop()
        self.gateway.configure(**sections)
        self.gateway.start()
        self.b.gateway = self.c.gateway = self.gateway.smtp

    # -------------------------------------------------------------------------------------------------------------------------- conveniences

    def send_mm(self, to=(BOB,), number=ONE, parts=None, **message):
        """M-Send.req of one of our phones, which is accepted; gives the Message-ID."""
        addresses = [address if "@" in address else f"{address}/TYPE=PLMN" for address in to]
        conf = self.phone(number).send(addresses, parts=parts or [text_part()], **message)
        self.assertEqual(conf["X-Mms-Response-Status"], 0x80, conf)
        return conf["Message-ID"].strip('"<>')

    def draft(self, to=(ONE,), peer=None, originator=BOB, **more):
        """MM4_forward.REQ of a peer's phone to ours."""
        peer = peer or self.b
        return peer.writer(more.pop("dialect", None)).forward(originator, list(to), their_domain=DOMAIN, **{"parts": slides("Hello"), **more})

    def taken(self, draft, peer=None, **options):
        outcome = (peer or self.b).send(draft, **options)
        self.assertTrue(outcome.taken, outcome.replies)
        return outcome

    def refused(self, code, draft, peer=None, **options):
        outcome = (peer or self.b).send(draft, **options)
        self.assertFalse(outcome.taken, outcome.replies)
        self.assertRegex("\n".join(f"{stage}: {number} {text}" for stage, number, text in outcome.replies if number >= 400), code)
        return outcome

    def reports(self, number=ONE, kind="m-delivery-ind"):
        """The reports that were pushed to a phone so far."""
        return [push.pdu for push in list(self.push.pushes) if push.number == number and push.pdu.type == kind]

    def wait_reports(self, count=1, number=ONE, kind="m-delivery-ind"):
        return self.push.wait(lambda: len(found := self.reports(number, kind)) >= count and found,
                              f"{count} {kind} to {number}")

    def notifications(self, number=ONE):
        """One for each MM: a notification that is repeated counts once."""
        theirs = [push.pdu for push in list(self.push.pushes) if push.number == number and push.pdu.type == "m-notification-ind"]
        return list({notification["X-Mms-Content-Location"]: notification for notification in theirs}.values())

    def wait_notifications(self, count=1, number=ONE):
        return self.push.wait(lambda: len(found := self.notifications(number)) >= count and found, f"{count} notifications to {number}")

    def counter(self, name):
        return json.loads(self.gateway.mmq("stats", "--json").stdout)["counters"][name]

    def wait_counter(self, name, value):
        return self.gateway.until(lambda: self.counter(name) >= value, f"{name} = {value}")

    def recipient(self, message, address):
        """A recipient of a message of the queue, by the beginning of its address."""
        found = [recipient for recipient in message["recipients"] if recipient["address"].startswith(address)]
        self.assertEqual(len(found), 1, message)
        return found[0]

    def wait_state(self, queue_id, address, *states):
        """The recipient, once it is in one of these states."""
        def reached():
            recipient = self.recipient(self.gateway.show(queue_id), address)
            return recipient["state"] in states and recipient
        return self.gateway.until(reached, f"{address} {' or '.join(states)} (it is {self.gateway.states(queue_id)})")

    def outgoing(self, count=1):
        """The ids of the MMs that our phones sent, without those that the gateway made."""
        sent = lambda: [m["id"] for m in self.gateway.queue("--all") if m["interface"] == "mm1" and m["from"].startswith("+4477")]
        return self.gateway.until(lambda: len(found := sent()) >= count and found, f"{count} messages of phones")

    def incoming(self):
        """The MMs that peers' phones sent, without what relays say to each other."""
        return [m for m in self.gateway.queue("--all") if m["interface"] == "mm4" and m["from"].startswith("+")]
