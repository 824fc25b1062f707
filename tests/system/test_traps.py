"""What other gateways fell for: names from a peer used as paths or commands, outcomes that change afterwards, a phone that waits for a mail server."""
import json
import os
import threading

import pdu
from case import MAILBOX, ONE, THREE, TWO, Case, mail, phone_address
from peers import PATIENCE_S


def files_below(folder):
    return {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}


class Traps(Case):
    OPTIONS = {"queue": {"retry": ["1s"]}}

    def test_no_name_of_a_peer_is_a_path_or_a_command(self):
        made = os.path.join(self.gateway.folder, "made")
        evil = f"$(touch {made})`touch {made}`;touch {made}|touch {made}"
        before = files_below(self.gateway.folder)
        names = ("../../../../" + self.gateway.folder.lstrip("/") + "/made", made, evil.replace(" ", "${IFS}"), "a" * 600)
        for number, name in enumerate(names, 1):
            content = mail(evil, text=evil, attachments=[("image/png", name[:200], b"\x89PNG")])
            self.send_mail(content.replace(b"Message-ID: <1@client.example.org>", f"Message-ID:\r\n <{name}@client.example.org>".encode()))
            self.assertEqual(self.fetched(count=number)["Subject"], evil)
        self.phone(TWO).send([MAILBOX], subject=evil, transaction_id="../" + made, parts=[
            pdu.Part("image/jpeg", b"\xff\xd8", {"name": made}, {"Content-Location": "../../" + made, "Content-ID": f"<{made}>"})])
        taken = self.sink.wait_mails(1)[0]
        self.assertEqual(taken.message["Subject"], evil)
        for part in taken.message.walk():
            self.assertNotRegex(part.get_filename() or "", r"[/\\]|\.\.|[$`|;]")
        self.assertEqual(files_below(self.gateway.folder), before)

    def test_what_was_delivered_does_not_expire_later(self):
        self.gateway.stop()
        self.gateway.configure(queue={"lifetime": "3s"})
        self.gateway.start()
        delivered = self.phone(ONE).send([phone_address(TWO)], Delivery_Report=0x80)
        self.fetched(TWO)
        report = self.push.notification(ONE).pdu
        self.assertEqual((report["Message-ID"], report["X-Mms-Status"]), (delivered["Message-ID"], 0x81))
        # The same for a phone that does not fetch: sent later, so that its end comes after the other's time.
        waiting = self.phone(ONE).send([phone_address(THREE)], Delivery_Report=0x80)
        later = self.push.wait_pushes(2, ONE, timeout=90)[1].pdu
        self.assertEqual((later["Message-ID"], later["X-Mms-Status"]), (waiting["Message-ID"], 0x80))
        ends = {recipient["address"]: recipient["state"] for message in self.gateway.queue("--all") if message["interface"] == "mm1"
                for recipient in message["recipients"]}
        self.assertEqual(ends.get(phone_address(TWO)), "delivered", ends)
        self.assertEqual(ends.get(phone_address(THREE)), "expired", ends)
        self.assertEqual(len(self.push.wait_pushes(2, ONE)), 2)

    def test_a_phone_does_not_wait_for_a_mail_server(self):
        goes_on = threading.Event()
        self.addCleanup(goes_on.set)
        asked = threading.Event()

        def silent(*_):
            asked.set()
            goes_on.wait(PATIENCE_S)

        ordinary, self.sink.script = self.sink.script, silent
        for _ in range(3):
            conf = self.phone(ONE).send([MAILBOX])
            self.assertEqual(conf["X-Mms-Response-Status"], 0x80)
        self.assertTrue(asked.wait(PATIENCE_S))
        self.assertFalse(self.sink.mails)
        self.sink.script = ordinary
        goes_on.set()
        self.sink.wait_mails(3, timeout=90)

    def test_counters_move(self):
        def counted(name):
            return self.gateway.until(lambda: json.loads(self.gateway.mmq("stats", "--json").stdout)["counters"][name], f"{name} to move")

        self.send_mail(mail())
        self.fetched()
        self.phone(ONE).send([MAILBOX])
        self.phone(ONE).send(["+15550001/TYPE=PLMN"])
        self.phone(ONE).get(self.push.pushes[0].url + "x")
        self.sink.wait_mails(1)
        for name in ("smtp_connections", "smtp_accepted", "smtp_recipients", "smtp_bytes", "mm1_requests", "mm1_submitted", "mm1_refused", "mm1_retrieved",
                     "mm1_not_found", "mm1_responses", "push_sent", "mail_sent", "mail_connections", "delivered"):
            with self.subTest(name):
                self.assertGreater(counted(name), 0)
        self.assertGreater(json.loads(self.gateway.mmq("stats", "--json").stdout)["commits"], 0)
