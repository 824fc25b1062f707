"""Certificates and keys that are renewed under a gateway at work, within its sandbox."""
import os
import shutil
import signal
import smtplib
import ssl
import tempfile
import unittest

from case import ONE, SENDER, Case, mail
from certificates import Authority
from gateway import DOMAIN
from peers import PATIENCE_S


class Renewal(Case):
    def setUp(self):
        self.authority = self.enterContext(Authority())
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="mmgate-renewal-"))
        self.certificate, self.key = os.path.join(self.folder, "cert.pem"), os.path.join(self.folder, "key.pem")
        self.put(self.authority.issue("first.example"))
        super().setUp()

    def start(self, **more):
        return super().start(smtp={"tls": {"certificate": self.certificate, "key": self.key}}, **more)

    def put(self, issued, key=None):
        """As renewals are done: new files take the place of the old ones."""
        for source, target in ((issued.path, self.certificate), (key or issued.key, self.key)):
            shutil.copy(source, target + ".new")
            os.replace(target + ".new", target)

    def session(self):
        context = ssl.create_default_context(cafile=self.authority.path)
        context.check_hostname = False
        client = smtplib.SMTP(*self.gateway.smtp, local_hostname="client.example.org", timeout=PATIENCE_S)
        self.addCleanup(client.close)
        client.starttls(context=context)
        client.ehlo()
        return client

    def shown(self, client=None):
        """The name in the certificate that a new session is shown."""
        client = client or self.session()
        return dict(pair for part in client.sock.getpeercert()["subject"] for pair in part)["commonName"]

    def hang_up(self, *told):
        """Reloads by signal, and waits until the log has said each of these things."""
        seen = len(self.gateway.lines)
        self.gateway.signal(signal.SIGHUP)
        for pattern in (*told, "- reloaded"):
            self.gateway.wait_log(pattern, after=seen)

    def test_sighup_takes_the_new_certificate_and_open_sessions_go_on(self):
        before = self.session()
        self.assertEqual(self.shown(before), "first.example")
        self.put(self.authority.issue("second.example"))
        self.assertEqual(self.shown(), "first.example", "taken before it was asked for")
        self.hang_up()
        self.assertEqual(self.shown(), "second.example")
        before.sendmail(SENDER, [f"{ONE}@{DOMAIN}"], mail("in the session of before"))
        self.assertEqual(self.fetched()["Subject"], "in the session of before")

    def test_a_key_that_does_not_fit_leaves_the_old_pair_in_use(self):
        self.put(self.authority.issue("second.example"), key=self.authority.issue("third.example").key)
        self.hang_up("smtp-certificate .*(key|cert).pem.*stays in use")
        self.assertEqual(self.shown(), "first.example")
        self.put(self.authority.issue("second.example"))
        self.hang_up()
        self.assertEqual(self.shown(), "second.example")

    def test_a_file_that_is_gone_leaves_the_old_pair_in_use(self):
        os.unlink(self.certificate)
        self.hang_up("smtp-certificate .*cert.pem.*stays in use")
        self.assertEqual(self.shown(), "first.example")


if __name__ == "__main__":
    unittest.main()
