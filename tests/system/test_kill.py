"""SIGKILL at random moments under load: every accepted message is delivered, once unless its final answer was cut."""
import collections
import http.client
import os
import random
import re
import smtplib
import threading
import time
import unittest

import pdu
from case import DOMAIN, SENDER, Case, mail
from gateway import SANITIZED
from peers import Phone

ROUNDS = int(os.environ.get("MMGATE_KILL_ROUNDS", "12" if SANITIZED else "50"))
SEED = int(os.environ.get("MMGATE_KILL_SEED", "20260101"))
CONNECTIONS = 4
MOST_CUT = 2 * CONNECTIONS                # each may have brought one more before the commit that notes the first
CUT_S = 3.0 if SANITIZED else 1.5         # a busy disk takes its time over a commit
MARKER = re.compile(rb"<<([a-z]+-\d+-\d+)>>")


class Ledger:
    """What was tried and what was accepted, outside the gateway."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tried, self.accepted = set(), set()

    def attempt(self, marker):
        with self.lock:
            self.tried.add(marker)

    def accept(self, marker):
        with self.lock:
            self.accepted.add(marker)


class Kill(Case):
    OPTIONS = {"queue": {"retry": ["1s"], "notify_again": ["2s"], "lifetime": "1h"}, "mail": {"connections": CONNECTIONS}}

    def setUp(self):
        super().setUp()
        self.up, self.over = threading.Event(), threading.Event()
        self.up.set()
        self.ledger, self.kills = Ledger(), []
        self.retrieved = collections.Counter()      # marker -> distinct messages it came in
        self.seen, self.confirmed = {}, set()       # transaction id -> marker; transaction ids answered and heard

    def wait_up(self):
        while not self.up.wait(0.5):
            if self.over.is_set():
                return False
        return not self.over.is_set()

    def mail_client(self, number):
        serial = 0
        while self.wait_up():
            try:
                client = smtplib.SMTP(*self.gateway.smtp, local_hostname="load.example.org", timeout=20)
                while self.up.is_set() and not self.over.is_set():
                    serial += 1
                    marker = f"mail-{number}-{serial}"
                    self.ledger.attempt(marker)
                    client.sendmail(SENDER, [f"+4477009{number:02}{serial % 1000:03}@{DOMAIN}"], mail(marker, f"<<{marker}>>\r\n" + "x" * 3000))
                    self.ledger.accept(marker)
            except (OSError, smtplib.SMTPException):
                pass

    def phone_client(self, number):
        serial = 0
        phone = Phone(self.gateway, f"+44770080{number:04}")
        while self.wait_up():
            serial += 1
            marker = f"phone-{number}-{serial}"
            octets = pdu.send_req(marker, to=["mailbox@example.com"], subject=marker, parts=[
                pdu.Part("text/plain", f"<<{marker}>>".encode() + b"y" * 3000, {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
            self.ledger.attempt(marker)
            try:
                status, _, body = phone.post(octets)
                if status == 200 and pdu.decode(body)["X-Mms-Response-Status"] == 0x80:
                    self.ledger.accept(marker)
            except (OSError, http.client.HTTPException, ValueError, LookupError):
                pass

    def fetch(self, push):
        """Retrieves and confirms; a gateway that dies meanwhile is asked again later."""
        notification = push.pdu
        transaction_id = notification["X-Mms-Transaction-ID"]
        if transaction_id in self.confirmed:
            return
        phone = Phone(self.gateway, push.number)
        try:
            if transaction_id not in self.seen:
                status, mm = phone.get(notification["X-Mms-Content-Location"])
                if status != 200:
                    return
                self.seen[transaction_id] = MARKER.search(mm.body)[1].decode()
                self.retrieved[self.seen[transaction_id]] += 1
            phone.answer(notification)
            self.confirmed.add(transaction_id)
        except (OSError, http.client.HTTPException, AssertionError, ValueError, LookupError):
            pass

    def fetcher(self):
        done = 0
        while self.wait_up():
            with self.push.changed:
                self.push.changed.wait_for(lambda: len(self.push.pushes) > done, 0.2)
                fresh = self.push.pushes[done:]
            for push in fresh:
                if not self.up.is_set() or self.over.is_set():
                    break
                self.fetch(push)
                done += 1

    def test_rounds(self):
        generator = random.Random(SEED)
        threads = [threading.Thread(target=self.mail_client, args=(i,), daemon=True) for i in (1, 2)]
        threads += [threading.Thread(target=self.phone_client, args=(i,), daemon=True) for i in (1, 2)]
        threads += [threading.Thread(target=self.fetcher, daemon=True)]
        for thread in threads:
            thread.start()
        slowest = 0.0
        for _ in range(ROUNDS):
            # The moment is random and no condition of anything: this is the one wait by the clock.
            self.over.wait(generator.uniform(0.02, 0.6))
            self.up.clear()
            killed = time.monotonic()
            self.gateway.kill9()
            began = time.monotonic()
            self.kills.append((killed, began))
            self.gateway.start()
            slowest = max(slowest, time.monotonic() - began)
            self.up.set()
        self.over.set()
        for thread in threads:
            thread.join(60)
        self.assertFalse([thread for thread in threads if thread.is_alive()])

        mails = {marker for marker in self.ledger.accepted if marker.startswith("mail")}
        phones = self.ledger.accepted - mails
        self.assertGreater(len(mails), 2 * ROUNDS)
        self.assertGreater(len(phones), 2 * ROUNDS)

        # What is accepted arrives: in the mailbox, and on the phones that now fetch what is left.
        in_mailbox = lambda: collections.Counter(MARKER.search(m.data)[1].decode() for m in list(self.sink.mails))
        self.gateway.until(lambda: phones <= set(in_mailbox()), "all mail that was promised", timeout=180)
        at = 0

        def all_fetched():
            nonlocal at
            pushes = list(self.push.pushes)
            for push in pushes[at:]:
                self.fetch(push)
            at = len(pushes) if len(self.confirmed) >= len(mails) else 0
            return mails <= set(self.retrieved)

        self.push.wait(lambda: len({push.url for push in self.push.pushes}) >= len(mails), "a notification of each message", timeout=180)
        self.gateway.until(all_fetched, "all messages that were promised to phones", timeout=180)
        unfinished = lambda: [m["id"] for m in self.gateway.queue()]
        self.gateway.until(lambda: all_fetched() and not unfinished(), "an empty queue", timeout=180)

        arrived = in_mailbox()
        lost = sorted(mails - set(self.retrieved)) + sorted(phones - set(arrived))
        ghosts = sorted((set(arrived) | set(self.retrieved)) - self.ledger.tried)
        # A copy is explained when it came so shortly before a kill that its answer, or the note of it, can have been cut, or while the gateway died, which
        # waits for the disk; and one kill cuts no more of them than were on their way at once.
        copies = collections.defaultdict(list)
        for sent in self.sink.mails:
            copies[MARKER.search(sent.data)[1].decode()].append(sent.at)
        cuts, unexplained = collections.Counter(), {}
        for marker, times in copies.items():
            for first in sorted(times)[:-1]:
                killed = next((killed for killed, dead in self.kills if dead >= first), None)
                if killed is None or killed - first > CUT_S:
                    kills = [round(killed - first, 3) for killed, _ in self.kills]
                    unexplained[marker] = [[round(at - first, 3) for at in sorted(times)], min(kills, key=abs)]   # the copies, and the nearest kill
                else:
                    cuts[killed] += 1
        worst = max(cuts.values(), default=0)
        fetched_twice = {marker: count for marker, count in self.retrieved.items() if count > 1}
        print(f"{ROUNDS} kills (seed {SEED}): {len(mails)} mails and {len(phones)} submissions accepted, {len(lost)} lost, {len(ghosts)} ghosts, "
              f"{sum(cuts.values())} duplicates behind a cut answer (at most {worst} a kill), {len(unexplained)} unexplained, "
              f"{len(fetched_twice)} twice on a phone; slowest start {slowest:.2f} s", flush=True)
        self.assertEqual(lost, [])
        self.assertEqual(ghosts, [])
        self.assertEqual(unexplained, {})
        self.assertLessEqual(worst, MOST_CUT)
        self.assertEqual(fetched_twice, {})
        self.assertLess(slowest, 10 if SANITIZED else 3)


if __name__ == "__main__":
    unittest.main()
