"""mmsd-tng, the MMS program of Linux phones, sends through us and retrieves from us. It names no number: the client table knows it."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from case import DOMAIN, TWO, Case, mail, the_photo

NUMBER = "+447700900777"
HERE = os.path.dirname(os.path.abspath(__file__))


class Mmsd:
    """mmsd-tng with a bus and a modem of its own."""

    def __init__(self, mmsc):
        self.folder = tempfile.mkdtemp(prefix="mmgate-mmsd-")
        settings = os.path.join(self.folder, ".mms", "modemmanager")
        os.makedirs(settings)
        with open(os.path.join(settings, "mms"), "w") as file:
            file.write(f"[Modem Manager]\nCarrierMMSC={mmsc}\nMMS_APN=mms\nCarrierMMSProxy=NULL\nDefaultModemNumber=NULL\nAutoProcessSMSWAP=true\n\n"
                       "[Settings]\nUseDeliveryReports=false\nTotalMaxAttachmentSize=2000000\nMaxAttachments=25\nAutoCreateSMIL=false\nForceCAres=true\n")
        self.processes = []
        bus = self.spawn(["dbus-daemon", "--session", "--nofork", "--print-address"], dict(os.environ), stdout=subprocess.PIPE)
        address = bus.stdout.readline().decode().strip()
        self.env = dict(os.environ, HOME=self.folder, DBUS_SESSION_BUS_ADDRESS=address, DBUS_SYSTEM_BUS_ADDRESS=address)
        self.modem = self.spawn(["/usr/bin/python3", os.path.join(HERE, "modem.py"), NUMBER], self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.modem.stdout.readline() == b"ready\n"
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.phone = self.spawn(["mmsdtng", "-d"], self.env, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        if kind:
            self.log.seek(0)
            print(self.log.read().decode("utf-8", "replace")[-6000:])
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, argv, env, **streams):
        streams.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(argv, env=env, **streams)
        self.processes.append(process)
        return process

    def call(self, method, *arguments):
        done = subprocess.run(["gdbus", "call", "--session", "-d", "org.ofono.mms", "-o", "/org/ofono/mms/modemmanager", "-m",
                               "org.ofono.mms.Service." + method, *arguments], env=self.env, capture_output=True, text=True, timeout=60)
        return done.stdout if done.returncode == 0 else None

    def receive(self, notification):
        """The notification comes as one WAP push SMS."""
        self.modem.stdin.write((bytes.fromhex("2a0603beaf84") + notification).hex().encode() + b"\n")
        self.modem.stdin.flush()

    def attachments(self):
        """(media type, octets) of all parts of all messages received."""
        found = []
        for media, path, offset, size in re.findall(r"\('[^']*', '([^']*)', '([^']*)', (?:uint64 )?(\d+), (?:uint64 )?(\d+)\)", self.call("GetMessages") or ""):
            with open(path, "rb") as file:
                file.seek(int(offset))
                found.append((media, file.read(int(size))))
        return found


class Phone(Case):
    OPTIONS = {"mm1": {"url": None, "trusted": [], "client": [{"address": "127.0.0.1", "msisdn": NUMBER}]}}

    def setUp(self):
        super().setUp()
        self.mmsd = self.enterContext(Mmsd("http://{}:{}/mms".format(*self.gateway.mm1)))
        self.gateway.until(lambda: self.mmsd.call("GetMessages"), "mmsd-tng on its bus")

    def test_it_retrieves_a_photograph_sent_by_mail(self):
        photo = the_photo()
        self.send_mail(mail("Grüße", "A picture for you.", to=f"{NUMBER}@{DOMAIN}", attachments=[("image/jpeg", "lake.jpg", photo)]), to=[f"{NUMBER}@{DOMAIN}"])
        push = self.push.notification(NUMBER)
        self.assertIn("http://{}:{}/".format(*self.gateway.mm1), push.url)
        self.mmsd.receive(push.octets)
        queue_id = self.only_message("--all")["id"]
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) == {"delivered"}, "M-NotifyResp.ind: retrieved", timeout=60)
        parts = self.gateway.until(self.mmsd.attachments, "the message in its list")
        self.assertIn(photo, [octets for media, octets in parts if media.startswith("image/jpeg")])
        self.assertTrue([octets for media, octets in parts if media.startswith("text/plain") and b"A picture for you." in octets])
        listed = self.mmsd.call("GetMessages")
        self.assertIn("Grüße", listed)
        self.assertIn("sender@example.org", listed)

    def test_it_sends_a_photograph_to_a_phone(self):
        photo = the_photo()
        path = os.path.join(self.mmsd.folder, "lake.jpg")
        with open(path, "wb") as file:
            file.write(photo)
        sent = self.gateway.until(lambda: self.mmsd.call("SendMessage", f'["{TWO}"]', "<''>", f'[("lake.jpg","image/jpeg","{path}")]'), "mmsd-tng to send")
        self.assertIn("/org/ofono/mms/", sent)
        notification = self.push.notification(TWO, timeout=60).pdu
        self.assertEqual(notification["From"], NUMBER + "/TYPE=PLMN")
        # The gateway knows callers by their address here, and this one stands where mmsd-tng does: it fetches without a name.
        status, mm = self.phone(TWO).get(notification["X-Mms-Content-Location"])
        self.assertEqual(status, 404)
        self.gateway.configure(mm1={"client": []})
        self.gateway.mmq("reload")
        mm = self.phone(TWO).get(notification["X-Mms-Content-Location"])[1]
        self.assertEqual(mm.part("image/jpeg").data, photo)


if __name__ == "__main__":
    unittest.main()
