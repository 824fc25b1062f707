"""What waits for a relay: one that is down costs the others nothing, and drains in order when it returns; what an operator holds waits, too."""
import json
import threading
import unittest

import pdu
import schema
from case import ONE, STATUS, the_photo
from mm4_case import B, BOB, CAROL, YES, Mm4Case

LOW, NORMAL, HIGH = 0x80, 0x81, 0x82
WORDS = {LOW: "Low", NORMAL: "Normal", HIGH: "High"}


class Waiting(Mm4Case):
    PEER_B = {"connections": 1}

    def by_priority(self, count):
        """Sends so many of each priority, mixed."""
        for number in range(count):
            for priority in (LOW, NORMAL, HIGH):
                self.send_mm(subject=f"{WORDS[priority]} {number}", Priority=priority)

    def assert_in_order(self, received, count):
        subjects = [r.message["Subject"] for r in received]
        self.assertEqual([subject.split()[0] for subject in subjects], ["High"] * count + ["Normal"] * count + ["Low"] * count)
        for word in WORDS.values():
            ages = [int(subject.split()[1]) for subject in subjects if subject.startswith(word)]
            # Those that are made ready at the same time may change places with their neighbours.
            self.assertTrue(all(abs(place - age) <= 1 for place, age in enumerate(ages)), ages)

    def test_a_peer_that_is_down_costs_nobody_else_anything(self):
        self.b.down()
        for number in range(10):
            self.send_mm(subject=f"waiting {number}")
        self.send_mm([CAROL], Delivery_Report=YES)
        self.taken(self.c.report_on(self.c.forwards()[0], CAROL), self.c)
        self.assertEqual(self.wait_reports()[0]["X-Mms-Status"], STATUS["Retrieved"])
        self.b.up()
        received = self.b.forwards(10)
        self.assertEqual(sorted(r.message["Subject"] for r in received), sorted(f"waiting {number}" for number in range(10)))
        self.assertEqual(self.b.server.most_open, 1)   # no herd

    def test_a_peer_that_is_silent_costs_nobody_else_anything(self):
        going_on = threading.Event()
        self.addCleanup(going_on.set)
        self.b.server.script = lambda envelope, verb, argument: going_on.wait(60) and None if verb == "MAIL" else None
        for number in range(10):
            self.send_mm(subject=f"waiting {number}")
        self.b.server.wait(lambda: self.b.server.said("MAIL"), "MAIL")
        for _ in range(10):
            self.send_mm([CAROL])
        self.c.forwards(10)
        going_on.set()
        self.b.forwards(10)

    def test_what_waited_leaves_by_priority_and_age(self):
        self.b.down()
        self.by_priority(4)
        self.gateway.wait_log("peer-down peer=b")
        self.b.up()
        self.assert_in_order(self.b.forwards(12), 4)

    def test_what_takes_long_to_write_keeps_its_turn(self):
        self.gateway.mmq("peer", "hold", "b")
        photo = [pdu.Part("image/jpeg", the_photo(), {"name": "lake.jpg"}, {"Content-Location": "lake.jpg"})]
        for number in range(3):
            self.send_mm(subject=f"High {number}", Priority=HIGH, parts=photo)
            self.send_mm(subject=f"Low {number}", Priority=LOW)
        self.gateway.mmq("peer", "release", "b")
        self.assertEqual([received.message["Subject"].split()[0] for received in self.b.forwards(6)], ["High"] * 3 + ["Low"] * 3)

    def test_a_held_peer_waits_for_its_release_even_over_a_restart(self):
        self.gateway.mmq("peer", "hold", "b")
        self.by_priority(2)
        self.send_mm([CAROL])
        self.c.forwards()
        self.gateway.restart()
        self.b.gateway = self.c.gateway = self.gateway.smtp
        self.send_mm([CAROL])
        self.c.forwards(2)
        self.assertEqual((self.b.received, self.b.server.sessions), ([], 0))
        self.taken(self.draft())   # what comes from it is taken all the same
        self.wait_notifications(number=ONE)
        self.gateway.mmq("peer", "release", "b")
        self.assert_in_order([r for r in self.b.forwards(6)], 2)

    def test_flush_tries_a_peer_that_was_down_at_once(self):
        self.again(mm4={**self.OPTIONS["mm4"], "retry": ["1h"]})
        for words in (("flush", "b"), ("retry", "--all")):
            self.b.down()
            before = len(self.b.of("MM4_forward.REQ"))
            self.send_mm(subject=words[0])
            self.gateway.wait_log("peer-down peer=b")
            self.b.up()
            self.gateway.mmq(*words)
            self.b.forwards(before + 1)

    def test_a_host_that_takes_the_place_of_another_is_tried_at_the_reload(self):
        self.again(mm4={**self.OPTIONS["mm4"], "retry": ["1h"]})
        host = self.b.next_hop
        self.gateway.configure(peer=[{**self.peers()[0], "next_hop": "127.0.0.1:9"}])
        self.gateway.mmq("reload")
        self.send_mm()
        self.gateway.wait_log("peer-down peer=b")
        self.gateway.configure(peer=[{**self.peers()[0], "next_hop": host}])
        self.gateway.mmq("reload")
        self.b.forwards()

    def test_what_a_held_peer_is_not_sent_in_time_fails_all_the_same(self):
        self.again(mm4={**self.OPTIONS["mm4"], "lifetime": "2s"})
        self.gateway.mmq("peer", "hold", "b")
        self.send_mm(Delivery_Report=YES)
        given_up = self.gateway.show(self.outgoing()[0])["arrival"]
        self.assertRegex(self.gateway.mmq("why", self.outgoing()[0]).stdout, rf"waits because the operator holds peer b; .* It is given up in [12] s \({given_up[:-3]}")
        self.assertEqual(self.wait_reports()[0]["X-Mms-Status"], STATUS["Expired"])
        self.wait_state(self.outgoing()[0], BOB, "expired")
        self.assertEqual(self.b.server.sessions, 0)

    def test_what_waits_for_a_peer_that_is_replaced_goes_to_the_other(self):
        self.b.down()
        self.send_mm(subject="to another", Delivery_Report=YES)
        self.gateway.wait_log("peer-down peer=b")
        self.c.accepts = lambda number: True
        self.gateway.configure(peer=[self.c.keys("c", prefixes=["+33600", "+48600"])])
        self.gateway.mmq("reload")
        received = self.c.forwards()[0]
        self.assertEqual(received.message["Subject"], "to another")
        self.taken(self.c.report_on(received, BOB), self.c)
        self.assertEqual(self.wait_reports()[0]["X-Mms-Status"], STATUS["Retrieved"])
        self.assertIn("+48600 is served by peer c", self.gateway.mmq("trace", self.outgoing()[0]).stdout)

    def test_why_tells_each_wait_from_the_others(self):
        why = lambda: self.gateway.mmq("why", self.outgoing()[-1]).stdout
        self.b.answer = lambda received: None
        self.send_mm()
        self.gateway.until(lambda: "was sent to peer b, whose response has not come" in why(), "a response that is awaited")
        self.assertNotIn("in vain", why())
        self.again(mm4={**self.OPTIONS["mm4"], "retry": ["1h"]}, queue={"retry": ["1h"]})
        self.b.down()
        self.send_mm()
        self.gateway.until(lambda: '"mmq peer show b" tells' in why(), "a peer that is down")
        self.assertRegex(why(), r"has not been tried itself, because its peer does not take anything: \".*Connection refused.*\"")
        self.gateway.mmq("peer", "hold", "b")
        self.assertRegex(why(), r'waits because the operator holds peer b; "mmq peer release b" lets all go')

    def test_what_cannot_be_delivered_in_time_fails_truthfully(self):
        self.again(mm4={**self.OPTIONS["mm4"], "lifetime": "2s"})
        self.b.down()
        self.send_mm(Delivery_Report=YES)
        self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Expired"], STATUS["Unreachable"], STATUS["Indeterminate"]))
        self.wait_state(self.outgoing()[0], BOB, "failed", "expired")


class Commands(Mm4Case):
    """mmq peer list, show, test, hold, release."""

    def objects(self, *arguments, check=True):
        return [json.loads(line) for line in self.gateway.mmq(*arguments, "--json", check=check).stdout.splitlines()]

    def test_list_and_show(self):
        self.assertEqual(sorted(peer["name"] for peer in self.objects("peer", "list")), ["b", "c"])
        self.assertIn("b", self.gateway.mmq("peer", "list").stdout)
        rules = schema.load()
        for name, words in (("peers", ("list",)), ("peer", ("show", "b")), ("peer-test", ("test", "b"))):
            for value in self.objects("peer", *words):
                self.assertEqual(schema.problems(value, rules["$defs"][name], rules), [], value)
        shown = self.objects("peer", "show", "b")[0]
        self.assertEqual((shown["name"], shown["domain"]), ("b", B))
        self.assertIn(B, self.gateway.mmq("peer", "show", "b").stdout)
        self.assertEqual(self.gateway.mmq("peer", "show", "nobody", check=False).returncode, 66)
        self.gateway.mmq("peer", "hold", "b")
        self.assertTrue("held" in self.gateway.mmq("peer", "show", "b").stdout)
        self.gateway.mmq("peer", "release", "b")
        self.assertNotEqual(self.objects("peer", "show", "b")[0], shown | {"held": True})

    def test_a_test_holds_the_conversation_up_to_the_recipient(self):
        done = self.gateway.mmq("peer", "test", "b")
        self.assertEqual([verb for _, verb, _ in self.b.server.commands if verb in ("EHLO", "MAIL", "RCPT", "DATA")], ["EHLO", "MAIL", "RCPT"])
        self.assertEqual(self.b.received, [])
        for word in ("EHLO", "MAIL", "RCPT", "250"):
            self.assertIn(word, done.stdout)

    def test_a_test_says_which_step_failed(self):
        self.b.server.script = lambda envelope, verb, argument: "550 5.7.1 we do not know you" if verb == "MAIL" else None
        done = self.gateway.mmq("peer", "test", "b", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("550 5.7.1 we do not know you", done.stdout + done.stderr)
        self.b.down()
        done = self.gateway.mmq("peer", "test", "b", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stdout + done.stderr, "(?i)connect|refused")


if __name__ == "__main__":
    unittest.main()
