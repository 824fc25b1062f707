"""Stores of other formats, stores that a disk has changed, stores that come back from a backup."""
import glob
import hashlib
import os
import shutil
import signal
import tempfile
import unittest

import store_file
from case import MAILBOX, ONE, TWO, Case, mail
from gateway import SANITIZED
import pdu

MARK = b"the octets by which this part is found in the file of the store"


def part():
    return pdu.Part("text/plain", MARK, {"charset": "utf-8"}, {"Content-Location": "t.txt"})


class Store(Case):
    @property
    def queue_folder(self):
        return os.path.join(self.gateway.state_dir, "queue")

    @property
    def data(self):
        return os.path.join(self.queue_folder, "data.mdb")

    def backups(self):
        return glob.glob(os.path.join(self.queue_folder, "data.format-*.mdb"))

    def waits_for_the_phone(self):
        """A mail whose phone is told of it and does not fetch."""
        self.send_mail(mail("before"))
        self.push.notification(ONE)
        return self.gateway.until(lambda: [m for m in self.gateway.queue() if m["state"] == "notified"], "the phone is told")[0]["id"]

    def test_a_store_of_an_older_format_is_brought_up_after_a_backup(self):
        waiting = self.waits_for_the_phone()
        self.gateway.stop()
        self.assertGreater(store_file.set_format(self.data, 2), 0)
        self.gateway.start()
        [backup] = self.backups()
        self.assertEqual(os.stat(backup).st_mode & 0o777, 0o600)
        self.assertRegex(self.gateway.log(), rf' store-upgrade formats="2 to 3" backup={backup} size=\d+\n(?s:.*) store-upgraded formats="2 to 3" messages=\d+\n')
        self.assertEqual([m["id"] for m in self.gateway.queue()], [waiting])
        self.assertEqual(self.fetched()["Subject"], "before")
        self.assertEqual(self.gateway.mmq("check").stdout, "")
        # Once; and the backup is a store that delivers what was there.
        self.gateway.restart()
        self.assertEqual(self.backups(), [backup])
        self.gateway.stop()
        os.replace(backup, self.data)
        self.gateway.start()
        self.assertEqual(self.fetched()["Subject"], "before")

    def test_a_store_of_a_newer_format_is_refused_and_not_touched(self):
        self.waits_for_the_phone()
        self.gateway.stop()
        store_file.set_format(self.data, 99)
        with open(self.data, "rb") as file:
            before = hashlib.sha256(file.read()).digest()
        self.gateway.start(expect_ready=False)
        self.assertEqual(self.gateway.reap(), 73)   # EX_CANTCREAT
        self.assertRegex(self.gateway.log(), r" cannot-start reason=\"the store in .* has format 99 of a newer mmgate, and this one knows format 3; start the newer one, or put the backup .*data\.format-3\.\*\.mdb")
        with open(self.data, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).digest(), before)

    @unittest.skipIf(SANITIZED, "a sanitizer ends what touches a lost page in its own way")
    def test_a_store_that_was_cut_short_says_so(self):
        self.waits_for_the_phone()
        self.gateway.stop()
        os.truncate(self.data, os.path.getsize(self.data) // 2)
        self.gateway.start(expect_ready=False)
        self.assertEqual(self.gateway.reap(), -signal.SIGBUS)
        said = "a page of the store in .* cannot be read: data.mdb is damaged or cut short, or its disk fails"
        self.assertRegex(self.gateway.log(), said)
        done = self.gateway.mmq("-c", self.gateway.config_path, "--offline", "check", control=False, check=False)
        self.assertEqual(done.returncode, 65)
        self.assertRegex(done.stderr, "^mmq: " + said)

    def test_content_that_the_disk_changed_is_never_handed_on_and_its_sender_is_told(self):
        self.sink.script = lambda session, verb, argument: "451 4.3.0 not yet" if verb == "MAIL" else None
        conf = self.phone(TWO).send([MAILBOX, ONE], parts=[part()])
        self.assertEqual(conf["X-Mms-Response-Status"], 0x80)
        location = self.push.notification(ONE).pdu["X-Mms-Content-Location"]
        self.gateway.until(lambda: [m for m in self.gateway.queue() if m["recipients"][0]["state"] == "deferred"], "a first try")
        self.gateway.stop()
        self.assertGreater(store_file.decay(self.data, MARK), 0)
        self.sink.script = None
        self.gateway.start()
        damaged = self.gateway.queue()[0]["id"]
        found = self.gateway.mmq("check", check=False)
        self.assertEqual((found.returncode, found.stdout), (65, f"message {damaged}: its content is not what was stored\n"))
        self.assertEqual(self.gateway.mmq("cat", damaged, check=False).returncode, 74)
        self.gateway.mmq("retry", damaged)
        self.assertEqual(self.phone(ONE).get(location)[1]["X-Mms-Retrieve-Status"], 0xE0)   # Error-permanent-failure
        self.gateway.until(lambda: set(self.gateway.states(damaged).values()) == {"failed"}, "both ends")
        self.assertEqual({r["reason"] for r in self.gateway.show(damaged)["recipients"]}, {"the store gave other octets than it was given"})
        text = self.fetched(TWO).part("text/plain").text()
        self.assertIn(MAILBOX, text)
        self.assertEqual(self.sink.mails, [])

    def test_what_a_damaged_index_hides_comes_back_by_a_repair(self):
        waiting = self.waits_for_the_phone()
        self.gateway.stop()
        offline = lambda *arguments: self.gateway.mmq("-c", self.gateway.config_path, "--offline", *arguments, control=False, check=False)
        self.assertEqual((offline("check").stdout, offline("check").returncode), ("", 0))
        self.assertGreater(store_file.displace(self.data, waiting), 0)
        found = offline("check")
        self.assertEqual(found.returncode, 65, found.stderr)
        self.assertIn(f"message {waiting}: is due in lane mm1 and not in the due index\n", found.stdout)
        repaired = offline("check", "--repair")
        self.assertEqual(repaired.returncode, 0, repaired.stderr)
        self.assertEqual(repaired.stdout, "".join(f"mended: {line}\n" for line in found.stdout.splitlines()))
        self.assertEqual((offline("check").stdout, offline("check").returncode), ("", 0))
        self.gateway.start()
        self.assertEqual([m["id"] for m in self.gateway.queue()], [waiting])
        self.assertEqual(self.fetched()["Subject"], "before")
        refused = self.gateway.mmq("check", "--repair", check=False)
        self.assertEqual(refused.returncode, 64)

    def test_a_backup_that_is_restored_delivers(self):
        self.waits_for_the_phone()
        folder = tempfile.mkdtemp(prefix="mmgate-restore-")
        self.addCleanup(shutil.rmtree, folder)
        backup = os.path.join(folder, "backup.mdb")
        self.gateway.mmq("backup", backup)
        self.gateway.kill9()
        shutil.rmtree(self.queue_folder)
        os.mkdir(self.queue_folder, 0o700)
        shutil.copy(backup, self.data)
        self.gateway.start()
        self.assertEqual(self.fetched()["Subject"], "before")
        self.assertEqual(self.gateway.mmq("check").stdout, "")


if __name__ == "__main__":
    unittest.main()
