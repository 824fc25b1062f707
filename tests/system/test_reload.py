"""What a reload does at once, what it leaves for a restart, and what it refuses."""
import json
import unittest

from case import DOMAIN, MAILBOX, ONE, SENDER, Case, mail
from peers import SmtpSink
import pdu


class Reload(Case):
    def reload(self, status=0):
        done = self.gateway.mmq("reload", check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return (done.stdout + done.stderr).splitlines()

    def refusal(self, recipient):
        client = self.client()
        client.mail(SENDER)
        return client.rcpt(recipient)

    def test_what_can_be_applied_is_applied_at_once_and_nobody_is_cut_off(self):
        before = self.client()
        self.assertEqual(self.refusal(f"+447911000001@{DOMAIN}")[0], 550)
        relay = self.enterContext(SmtpSink())
        self.gateway.configure(subscribers=[{"prefix": "+447700"}, {"prefix": "+447911"}], mail={"relay": f"127.0.0.1:{relay.port}"}, limits={"message_size": "64K"})
        self.assertEqual(self.reload(), [])
        self.assertEqual(self.refusal(f"+447911000001@{DOMAIN}")[0], 250)
        self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", b"by the new relay", {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
        relay.wait_mail(b"by the new relay")
        self.assertEqual(self.sink.mails, [])
        self.assertEqual(self.client().mail(SENDER, ["SIZE=1000000"])[0], 552)
        # Who was connected goes on by what it was told in the greeting.
        self.assertEqual(before.mail(SENDER, ["SIZE=1000000"])[0], 250)
        self.assertEqual(before.rcpt(f"{ONE}@{DOMAIN}")[0], 250)
        self.assertEqual(before.data(mail("goes on"))[0], 250)

    def test_what_waits_for_a_relay_goes_to_the_one_that_replaces_it(self):
        self.gateway.configure(mail={"relay": "127.0.0.1:9"}, queue={"retry": ["1h"]})
        self.assertEqual(self.reload(), [])
        for text in (b"first", b"second"):
            self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", text, {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
        self.gateway.until(lambda: all(message["recipients"][0]["attempts"] == 1 for message in self.gateway.queue()), "an attempt at the dead one")
        self.gateway.configure(mail={"relay": f"127.0.0.1:{self.sink.port}"})
        self.assertEqual(self.reload(), [])
        self.assertIn("2 messages changed", self.gateway.mmq("flush", MAILBOX.partition("@")[2]).stderr)
        self.sink.wait_mail(b"first")
        self.sink.wait_mail(b"second")
        queue_id = self.gateway.queue("--all")[0]["id"]
        self.assertIn(f"rerouted mailbox@example.com mail:127.0.0.1:{self.sink.port}", " ".join(self.gateway.mmq("trace", queue_id).stdout.split()))

    def test_what_needs_a_restart_is_named_and_left_alone(self):
        self.gateway.configure(gateway={"domain": "other.example.net"}, queue={"history": "2d"}, log={"level": "debug"})
        later = ["gateway.domain takes effect at the next start", "queue.history takes effect at the next start"]
        self.assertEqual(self.reload(), later)
        # As long as it does not run so.
        self.assertEqual(self.reload(), later)
        self.assertEqual(self.refusal(f"{ONE}@other.example.net")[0], 550)
        self.assertEqual(self.refusal(f"{ONE}@{DOMAIN}")[0], 250)
        self.assertEqual(json.loads(self.gateway.mmq("stats", "--json").stdout)["counters"]["config_reloads"], 2)
        self.gateway.restart()
        self.assertEqual(self.refusal(f"{ONE}@other.example.net")[0], 250)
        self.assertEqual(self.reload(), [])

    def test_a_configuration_that_is_wrong_changes_nothing(self):
        self.gateway.configure(smtp={"listn": ["127.0.0.1:0"]}, subscribers=[{"prefix": "+447911"}])
        lines = self.reload(78)
        self.assertEqual(lines[0], "the old configuration stays:")
        self.assertRegex(lines[1], r"key smtp\.listn is not known; did you mean smtp\.listen\?")
        self.assertEqual(self.refusal(f"{ONE}@{DOMAIN}")[0], 250)


if __name__ == "__main__":
    unittest.main()
