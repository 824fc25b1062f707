"""A gateway that crashes: nothing is lost, nothing goes round for ever, and what does it is parked with a reason."""
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from case import MAILBOX, Case
from gateway import SANITIZED
import pdu

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "poison.c")


@unittest.skipIf(SANITIZED, "a sanitizer's library comes before any other that is preloaded")
class Poison(Case):
    def start(self, **more):
        folder = tempfile.mkdtemp(prefix="mmgate-poison-")
        self.addCleanup(shutil.rmtree, folder)
        library = os.path.join(folder, "poison.so")
        subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        return super().start(env={"LD_PRELOAD": library}, **more)

    def crashed(self):
        """Waits for the end of the gateway, which is to be its own."""
        self.assertEqual(self.gateway.reap(), -signal.SIGABRT)

    def send(self, subject):
        self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", b"x")], subject=subject)

    def test_a_message_that_crashes_the_gateway_three_times_is_parked_and_says_why(self):
        try:
            self.send("poison")
        except (OSError, http.client.HTTPException):
            pass   # it may die before the phone has its answer; the message is in the queue all the same
        for _ in range(2):
            self.crashed()
            self.gateway.start()
        self.crashed()
        lines = len(self.gateway.lines)
        self.gateway.start()
        # The fourth start is one that stays.
        self.gateway.wait_log(r" parked .*lane=mail:.*held until it is released", after=lines)
        self.send("a good one")
        self.assertEqual(self.sink.wait_mails(1)[0].message["Subject"], "a good one")
        # The sink has the good one a little before its end is written.
        [parked] = self.gateway.until(lambda: (left := self.gateway.queue()) and len(left) == 1 and left, "the good one's end")
        self.assertEqual(parked["state"], "held")
        self.assertIn("crashed 3 times in a row", self.gateway.mmq("why", parked["id"]).stdout)
        self.assertRegex(self.gateway.mmq("trace", parked["id"]).stdout, r"held.*the gateway crashed 3 times in a row while it carried this")
        self.assertRegex(self.gateway.log(), r" crashed signal=6 under-way=1 ")
        # Once the bug is gone it goes on where it was.
        self.gateway.stop()
        del self.gateway.env["LD_PRELOAD"]
        self.gateway.start()
        self.gateway.mmq("release", parked["id"])
        self.assertEqual(self.sink.wait_mails(2)[1].message["Subject"], "poison")
