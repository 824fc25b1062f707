"""The queue command as people and scripts meet it: through a terminal and through pipes."""
import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import pdu
import schema
from case import DOMAIN, MAILBOX, ONE, SENDER, TWO, Case, mail
from gateway import BUILD, ROOT, Gateway
from peers import PATIENCE_S, stop_accepting

MMQ = os.path.join(BUILD, "mmq")
NOBODY_THERE = "0000000000000"


def terminal(argv, keys=b"", answer_to=b"", env=None, then=None):
    """Runs a command on a terminal of 80 columns; once `answer_to` is on the screen `keys` are typed, and `then` is called. Gives its exit status and all it wrote."""
    leader, follower = pty.openpty()
    subprocess.run(["stty", "cols", "80", "rows", "24"], stdin=follower, check=True)
    process = subprocess.Popen(argv, stdin=follower, stdout=follower, stderr=follower, env=dict(os.environ, TERM="xterm", **(env or {})), start_new_session=True)
    os.close(follower)
    seen, typed = b"", not answer_to
    try:
        while select.select([leader], [], [], PATIENCE_S)[0]:
            try:
                octets = os.read(leader, 65536)
            except OSError:   # the other side is closed
                break
            if not octets:
                break
            seen += octets
            if not typed and answer_to in seen:
                os.write(leader, keys)
                if then:
                    then()
                typed = True
        return process.wait(PATIENCE_S), seen.decode("utf-8", "replace").replace("\r\n", "\n")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(leader)


class Slow:
    """A gateway that takes its time: it greets like the one at `like`, and ends each answer when `answer` is set."""

    def __init__(self, like):
        with socket.socket(socket.AF_UNIX) as real:
            real.connect(like)
            self.hello = real.makefile("rb").readline()
        self.folder = tempfile.mkdtemp(prefix="mmgate-slow-")
        self.path = os.path.join(self.folder, "control.sock")
        self.answer = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()

    def __enter__(self):
        self.accepting = threading.Thread(target=self.serve, daemon=True)
        self.accepting.start()
        return self

    def __exit__(self, *_):
        self.answer.set()
        stop_accepting(self.listener, self.accepting)
        shutil.rmtree(self.folder)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    connection.sendall(self.hello)
                    connection.makefile("rb").readline()
                    self.answer.wait(PATIENCE_S)
                    connection.sendall(b'{"end":true,"code":0,"count":0,"text":""}\n')


class HalfBackup(Slow):
    """A gateway whose backup comes to no end until `answer` is set."""

    def serve(self):
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            with connection:
                connection.sendall(self.hello)
                connection.makefile("rb").readline()
                connection.sendall(b'{"octets":1000}\n' + bytes(500))
                self.answer.wait(PATIENCE_S)


class Mmq(Case):
    OPTIONS = {"queue": {"retry": ["1h"], "lifetime": "1d"}}

    def setUp(self):
        super().setUp()
        self.sink.script = lambda session, verb, argument: "451 4.3.0 closed for stocktaking, come again another day when there is somebody to open" if verb == "MAIL" else None
        self.schema = schema.load()

    def two_deferred(self):
        for subject in ("first", "second"):
            self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", subject.encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})], subject=subject)
        self.gateway.until(lambda: [m["state"] for m in self.gateway.queue()] == ["deferred"] * 2, "both deferred")
        return [m["id"] for m in self.gateway.queue()]

    def objects(self, name, *arguments):
        lines = self.gateway.mmq(*arguments, "--json").stdout.splitlines()
        self.assertTrue(lines, arguments)
        for line in lines:
            self.assertEqual(schema.problems(json.loads(line), self.schema["$defs"][name], self.schema), [], line)
        return [json.loads(line) for line in lines]

    def status(self, *arguments, **options):
        return self.gateway.mmq(*arguments, check=False, **options).returncode

    def on_terminal(self, *arguments, **options):
        return terminal([MMQ, "--control", self.gateway.control, *arguments], **options)

    def test_json_of_each_command_keeps_to_the_schema(self):
        first, second = self.two_deferred()
        for command in ("show", "cat", "trace", "why"):
            self.assertTrue(all(one["id"] == first for one in self.objects(command, command, first)))
        self.assertEqual([one["id"] for one in self.objects("list", "list")], [first, second])
        self.objects("stats", "stats")
        self.objects("health", "health")
        self.objects("config", "config", "show", "-c", self.gateway.config_path)
        summary = self.objects("summary", "summary")
        self.assertEqual([(row["destination"], row["recipients"], row["states"]) for row in summary], [("example.com", 2, {"deferred": 2})])
        for command in ("hold", "release", "retry"):
            self.assertEqual(self.objects("changed", command, first)[0], {"id": first, "recipients": 1})
        self.assertNotEqual(schema.problems({"id": "x"}, self.schema["$defs"]["list"], self.schema), [])

    def test_a_terminal_gets_aligned_tables_of_its_width_and_colour(self):
        first, _ = self.two_deferred()
        status, text = self.on_terminal("list")
        self.assertEqual(status, 0)
        self.assertIn("\x1b[33mdeferred\x1b[0m", text)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        self.assertTrue(all(len(line) <= 80 for line in plain), plain)
        state = plain[0].index("STATE")
        rows = [line for line in plain if line.startswith(first)]
        self.assertEqual([row[state:state + 8] for row in rows], ["deferred"])
        self.assertTrue(any("closed for stocktaking" in line for line in plain))
        self.assertNotIn("\x1b", self.on_terminal("list", env={"NO_COLOR": "1"})[1])
        self.assertNotIn("\x1b", self.gateway.mmq("list").stdout)
        self.assertIn("\x1b", self.gateway.mmq("list", "--color", "always").stdout)
        self.assertTrue(all(len(line) <= 80 for line in self.on_terminal("summary")[1].splitlines()))

    def test_selectors_add_up(self):
        self.two_deferred()
        count = lambda *arguments: len(self.gateway.queue(*arguments))
        for given, wanted in ((("--state", "deferred", "--to", "@example.com"), 2), (("--from", ONE), 2), (("--to", "@example.net"), 0), (("--error", "stocktaking"), 2),
                              (("--error", "4.3.1"), 0), (("--peer", "mail"), 2), (("--peer", "elsewhere"), 0), (("--older", "1h"), 0), (("--older", "0s", "--peer", "mail"), 2)):
            self.assertEqual(count(*given), wanted, given)
        self.assertEqual(self.status("list", "--to", "@example.net"), 1)
        for wrong in (("--state", "asleep"), ("--older", "soon"), ("--color", "mauve"), ("--part", "0")):
            self.assertEqual(self.status("list", *wrong), 64, wrong)
        self.assertEqual(self.status("flush", "elsewhere"), 1)
        self.assertEqual(self.status("flush", "mail"), 0)

    def test_a_selector_without_a_value_does_not_select_everything(self):
        self.two_deferred()
        for name in ("--from", "--to", "--peer", "--error", "--state", "--older"):
            self.assertEqual(self.status("delete", "--all", name, "", "--yes"), 64, name)
        self.assertEqual(len(self.gateway.queue()), 2)

    def test_what_destroys_asks_or_wants_yes(self):
        first, second = self.two_deferred()
        self.assertEqual(self.status("delete", "--all"), 64)
        self.assertEqual(self.status("delete", first, second), 64)
        self.assertEqual(self.status("delete", "--all", "--dry-run"), 0)
        self.assertEqual(len(self.gateway.queue()), 2)
        status, text = self.on_terminal("delete", "--all", keys=b"n\n", answer_to=b"[y/N]")
        self.assertEqual(status, 1)
        self.assertIn("delete 2 messages?", text)
        self.assertEqual(len(self.gateway.queue()), 2)
        self.assertEqual(self.on_terminal("delete", "--all", keys=b"y\n", answer_to=b"[y/N]")[0], 0)
        self.assertEqual(self.gateway.queue(), [])

    def test_what_is_deleted_comes_back_for_a_day(self):
        first, second = self.two_deferred()
        self.assertEqual(self.status("delete", first), 0)
        self.assertEqual(self.status("delete", first), 1)   # said twice: nothing is lost by it
        self.assertEqual([m["id"] for m in self.gateway.queue()], [second])
        self.assertIn(f'"mmq undelete {first}" brings it back', self.gateway.mmq("why", first).stdout)
        self.assertIn("Subject: first", self.gateway.mmq("cat", first, "--mail").stdout)
        self.assertEqual(self.status("undelete", second), 1)
        self.assertEqual(self.status("undelete", first), 0)
        self.gateway.until(lambda: [m["id"] for m in self.gateway.queue("--state", "deferred")] == [first, second], "both wait as before")
        self.assertEqual(self.status("delete", "--all", "--for-good", "--yes"), 0)
        self.assertEqual(self.status("undelete", "--all"), 1)
        self.assertEqual(self.status("cat", first), 66)
        self.assertEqual(self.status("hold", "--all", "--for-good"), 64)
        self.assertEqual([line.split()[1] for line in self.gateway.mmq("trace", first).stdout.splitlines() if "delete" in line], ["deleted", "undeleted", "deleted"])

    def test_a_dry_run_says_what_would_change_and_no_more(self):
        first, second = self.two_deferred()
        self.assertEqual(self.status("hold", first), 0)
        for command, would in (("hold", [second]), ("release", [first]), ("retry", [second]), ("delete", [first, second]), ("undelete", []), ("flush", [second])):
            what = ["mail"] if command == "flush" else ["--all"]
            done = self.gateway.mmq(command, *what, "--dry-run", "--json", check=False)
            self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], [{"id": one, "recipients": 1} for one in would], command)
            self.assertEqual(done.returncode, 0 if would else 1, command)
        self.assertEqual(self.gateway.mmq("hold", first, second, "--dry-run").stdout, f"{second}  1 recipient\n")
        self.assertEqual(self.status("release", second, "--dry-run"), 1)
        self.gateway.stop()
        offline = subprocess.run([MMQ, "-c", self.gateway.config_path, "--offline", "release", "--all", "-n", "-j"], capture_output=True, text=True)
        self.assertEqual((json.loads(offline.stdout), offline.returncode), ({"id": first, "recipients": 1}, 0), offline.stderr)
        self.gateway.start()

    def test_what_cannot_be_tried_dry_is_not_done(self):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "mail.eml")
            with open(name, "wb") as file:
                file.write(mail())
            for arguments in (("import", name), ("export", NOBODY_THERE, "--into", folder), ("backup", os.path.join(folder, "store")), ("drain",), ("reload",)):
                done = self.gateway.mmq(*arguments, "--dry-run", check=False)
                self.assertEqual((done.returncode, done.stderr.splitlines()[0]), (64, f"mmq: {arguments[0]} takes no --dry-run"))
            self.assertEqual((os.listdir(folder), self.gateway.queue()), (["mail.eml"], []))

    def test_one_named_message_and_yes_need_no_question(self):
        first, second = self.two_deferred()
        self.assertEqual(self.status("delete", first), 0)
        self.assertEqual(self.status("delete", "-", "--yes", given=second + "\n"), 0)
        self.assertEqual(self.gateway.queue(), [])

    def test_what_lasts_says_on_a_terminal_that_it_goes_on(self):
        with Slow(self.gateway.control) as slow:
            for command in ("check", "summary"):
                slow.answer.clear()
                status, text = terminal([MMQ, "--control", slow.path, command], answer_to=f"mmq: {command}: ".encode(), then=slow.answer.set)
                self.assertEqual(status, 0)
                self.assertRegex(text, rf"\A\r\x1b\[Kmmq: {command}: \d+ s")
                self.assertNotIn("mmq:", text.rpartition("\r\x1b[K")[2])   # gone when the answer is there
            # Nothing of it where nobody looks.
            self.assertEqual(self.gateway.mmq("check").stderr, "")

    def test_exit_codes(self):
        for arguments, wanted in (((), 64), (("nonsense",), 64), (("show",), 64), (("show", "-"), 1), (("show", "not-an-id"), 64), (("show", NOBODY_THERE), 66),
                                  (("hold", NOBODY_THERE), 66), (("pdu", "/nonexistent"), 74), (("top",), 64), (("export", NOBODY_THERE), 64),
                                  (("config", "check", "/nonexistent"), 78), (("list", "surplus"), 64)):
            self.assertEqual(self.status(*arguments, given=""), wanted, arguments)
        absent = subprocess.run([MMQ, "--control", "/nonexistent/control.sock", "list"], capture_output=True, text=True)
        self.assertEqual(absent.returncode, 69)
        self.assertIn("not running", absent.stderr)
        absent = subprocess.run([MMQ, "--control", "/nonexistent/control.sock", "health"], capture_output=True, text=True)
        self.assertEqual((absent.returncode, absent.stdout.startswith("MMGATE UNKNOWN")), (3, True))
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([MMQ, "pdu", folder], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (74, f"mmq: {folder}: cannot be read\n"))
        self.assertEqual(self.gateway.mmq("list", "surplus", check=False).stderr, "mmq: list takes selectors, not surplus\nmmq --help tells what there is\n")

    def test_health_is_unknown_where_the_gateway_does_not_answer(self):
        self.gateway.signal(signal.SIGSTOP)
        frozen = self.gateway.mmq("health", check=False)
        self.gateway.signal(signal.SIGCONT)
        self.assertEqual((frozen.returncode, frozen.stdout), (3, "MMGATE UNKNOWN - the gateway does not answer\n"))
        self.gateway.stop()
        absent = self.gateway.mmq("health", "--json", check=False)
        self.assertEqual((absent.returncode, json.loads(absent.stdout)["status"]), (3, "UNKNOWN"))
        self.assertEqual(schema.problems(json.loads(absent.stdout), self.schema["$defs"]["health"], self.schema), [])

    @unittest.skipUnless(os.geteuid() == 0, "changing the user takes root")
    def test_a_stranger_is_turned_away(self):
        # The checkout may lie where a stranger cannot even look: only the socket is to turn him away.
        program = shutil.copy(MMQ, self.gateway.folder)
        argv = [program, "--control", self.gateway.control, "list"]
        for modes in ((0o755, 0o660), (0o755, 0o666)):
            os.chmod(self.gateway.folder, modes[0])
            os.chmod(self.gateway.control, modes[1])
            done = subprocess.run(argv, capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
            self.assertEqual(done.returncode, 77, done.stderr)

    def test_health_is_one_line_with_figures(self):
        self.two_deferred()
        done = self.gateway.mmq("health")
        self.assertRegex(done.stdout, r"\AMMGATE OK - 2 messages waiting \| messages=2 deferred=2 held=0 oldest=\d+s content=\d+B disk_free=\d+B\n\Z")

    def test_export_writes_new_files_only(self):
        first, _ = self.two_deferred()
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.gateway.mmq("export", first, "--into", folder).stdout, first + ".eml\n")
            with open(os.path.join(folder, first + ".eml"), "rb") as file:
                self.assertIn(b"Subject: first", file.read())
            self.assertEqual(self.status("export", first, "--into", folder), 74)
            self.assertEqual(self.status("export", NOBODY_THERE, "--into", folder), 66)
            self.assertEqual(os.listdir(folder), [first + ".eml"])

    def test_of_backups_at_the_same_time_each_is_whole_or_told_to_wait(self):
        content = os.urandom(4_000_000)
        for _ in range(8):
            self.phone().send([MAILBOX], parts=[pdu.Part("image/jpeg", content, {}, {"Content-Location": "p.jpg"})])
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, str(number)) for number in range(4)]
            under_way = [subprocess.Popen([MMQ, "--control", self.gateway.control, "backup", name], stderr=subprocess.PIPE, text=True) for name in names]
            done = [(process.communicate(timeout=PATIENCE_S)[1], process.returncode) for process in under_way]
            self.assertIn(("", 0), done)
            self.assertLessEqual(set(done), {("", 0), ("mmq: another backup is being made; try again\n", 75)})
            whole = [name for name, (_, status) in zip(names, done) if status == 0]
            self.assertEqual(sorted(os.path.join(folder, name) for name in os.listdir(folder)), whole)
            for name in whole:
                self.assertGreater(os.path.getsize(name), 8 * len(content))

    def test_half_a_backup_never_has_the_name_of_one(self):
        with HalfBackup(self.gateway.control) as half, tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen([MMQ, "--control", half.path, "backup", os.path.join(folder, "store")])
            self.gateway.until(lambda: any(os.path.getsize(os.path.join(folder, name)) == 500 for name in os.listdir(folder)), "half of it is written")
            process.kill()
            process.wait(PATIENCE_S)
            self.assertNotIn("store", os.listdir(folder))
            half.answer.set()

    def test_log_finds_the_lines_of_a_message(self):
        first, second = self.two_deferred()
        lines = self.gateway.mmq("log", first, "-", given=self.gateway.log()).stdout.splitlines()
        self.assertTrue(lines and all(first in line and second not in line for line in lines), lines)
        self.assertEqual(self.status("log", NOBODY_THERE, "-", given=self.gateway.log()), 1)

    def test_config_shows_no_secret(self):
        self.gateway.configure(push={"password": "open sesame"})
        done = self.gateway.mmq("config", "show", "-c", self.gateway.config_path)
        self.assertIn('push.password = "(set)"', done.stdout)
        self.assertIn(f'gateway.domain = "{DOMAIN}"\n', done.stdout)
        self.assertNotIn("sesame", done.stdout)
        other = os.path.join(self.gateway.folder, "other.toml")
        with open(self.gateway.config_path) as file, open(other, "w") as copy:
            copy.write(file.read().replace("open sesame", "say friend"))
        done = self.gateway.mmq("config", "diff", other, "-c", self.gateway.config_path)
        self.assertEqual(done.stdout, "push.password: differs; takes effect at a reload\n")
        self.assertEqual(self.status("config", "diff", other, "-c", other), 1)

    def test_what_config_shows_can_be_read_back(self):
        self.gateway.configure(push={"password": ""})
        shown = self.gateway.mmq("config", "show", "-c", self.gateway.config_path).stdout
        self.assertIn("[[subscribers]]\n", shown)
        again = os.path.join(self.gateway.folder, "again.toml")
        with open(again, "w") as file:
            file.write(shown)
        done = self.gateway.mmq("config", "diff", again, "-c", self.gateway.config_path, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", "mmq: no key differs\n"))

    def test_import_brings_mails_and_pdus_into_the_queue(self):
        first, _ = self.two_deferred()
        with tempfile.TemporaryDirectory() as folder:
            eml, req, broken = (os.path.join(folder, name) for name in ("letter.eml", "req.bin", "broken.bin"))
            with open(eml, "wb") as file:
                file.write(mail(subject="from a file").replace(b"\r\n", b"\n"))
            done = self.gateway.mmq("import", eml)
            self.assertRegex(done.stdout, r"letter\.eml: Ok: queued as [0-9A-Z]{13}\n\Z")
            self.assertEqual(self.fetched()["Subject"], "from a file")
            self.gateway.mmq("import", eml, "--to", TWO, "--from", "operator@example.net")
            self.assertEqual(self.fetched(TWO)["From"], SENDER)
            self.assertIn("operator@example.net", "".join(json.dumps(m) for m in self.gateway.queue("--all")))
            with open(req, "wb") as file:
                file.write(pdu.send_req("T1", to=[f"{TWO}/TYPE=PLMN"], parts=[pdu.Part("text/plain", b"a pdu", {"charset": "utf-8"}, {"Content-Location": "t.txt"})], subject="a pdu"))
            self.assertEqual(self.status("import", req), 65)
            self.assertEqual(self.status("import", req, "--from", "+4999"), 65)
            self.gateway.mmq("import", req, "--from", ONE)
            self.assertEqual(self.fetched(TWO, count=2)["Subject"], "a pdu")
            with open(broken, "wb") as file:
                file.write(b"\x8c\x80\xff\xff")
            done = self.gateway.mmq("import", broken, "--from", ONE, check=False)
            self.assertEqual((done.returncode, done.stdout), (65, ""), done.stderr)
            self.assertIn("broken.bin: ", done.stderr)
            done = self.gateway.mmq("import", os.path.join(folder, "nothing.eml"), eml, check=False)
            self.assertEqual((done.returncode, done.stdout.count("queued as")), (74, 1), done.stderr)
            self.gateway.mmq("export", first, "--into", folder)
            self.gateway.mmq("import", os.path.join(folder, first + ".eml"))
            self.assertEqual([m["recipients"][0]["address"] for m in self.gateway.queue() if m["recipients"][0]["route"] == "mail"], [MAILBOX] * 3)

    def test_a_drained_gateway_takes_nothing_new_and_goes_on_with_the_rest(self):
        self.sink.script = None
        self.phone().send([TWO], parts=[pdu.Part("text/plain", b"before", {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
        self.push.wait_pushes(1, TWO)
        self.assertIn("1 are still here", self.gateway.mmq("drain").stdout)
        conf = self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", b"during", {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
        self.assertEqual(conf["X-Mms-Response-Status"], 0xC3)   # Error-network-problem: try again
        client = self.client()
        self.assertEqual(client.mail("somebody@example.com")[0], 451)
        self.assertEqual(client.mail("")[0], 250)   # a report on what is here
        client.rset()
        self.fetched(TWO)
        self.gateway.until(lambda: not self.gateway.queue(), "the empty queue")
        self.assertFalse(json.loads(self.gateway.mmq("stats", "--json").stdout)["accepting"])
        self.gateway.mmq("resume")
        self.assertEqual(client.mail("somebody@example.com")[0], 250)
        self.assertTrue(json.loads(self.gateway.mmq("stats", "--json").stdout)["accepting"])

    def test_top_leaves_the_terminal_as_it_was(self):
        self.two_deferred()
        for keys in (b"q", b"\x03"):
            status, text = self.on_terminal("top", keys=keys, answer_to=b"q ends")
            self.assertEqual(status, 0)
            self.assertIn("example.com", text)
            self.assertTrue(text.endswith("\x1b[?25h\x1b[?1049l"), text[-40:])

    def test_offline_works_on_a_stopped_gateway_only(self):
        first, second = self.two_deferred()
        offline = lambda *arguments: subprocess.run([MMQ, "-c", self.gateway.config_path, "--offline", *arguments], capture_output=True, text=True)
        refused = offline("list")
        self.assertEqual(refused.returncode, 74)
        self.assertIn("in use by process", refused.stderr)
        self.gateway.stop()
        self.assertEqual([json.loads(line)["id"] for line in offline("list", "--json").stdout.splitlines()], [first, second])
        self.assertEqual(offline("hold", first).returncode, 0)
        self.assertEqual(offline("delete", second).returncode, 0)
        self.assertEqual(offline("check").returncode, 0)
        self.assertEqual((offline("check", "--repair").returncode, offline("check", "--repair").stderr), (0, "mmq: 0 of 0 findings mended\n"))
        self.assertEqual(offline("show", NOBODY_THERE).returncode, 66)
        self.assertEqual(offline("stats").returncode, 69)
        self.assertIn("Subject: first", offline("cat", first, "--mail").stdout)
        self.gateway.start()
        self.assertEqual([(m["id"], m["state"]) for m in self.gateway.queue()], [(first, "held")])

    def test_what_peers_write_never_steers_the_terminal(self):
        evil = "title \x1b]0;owned\x07 \u009b31m \u202egnorw"
        self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", ("body \x1b[2J" + evil).encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})], subject=evil)
        message = self.gateway.until(lambda: self.gateway.queue(), "the message")[0]["id"]
        for command in ("show", "cat", "trace", "why"):
            text = self.on_terminal(command, message, env={"NO_COLOR": "1"})[1]
            self.assertEqual(re.findall("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e]", text), [], command)
            self.assertNotIn("\x1b", self.gateway.mmq(command, message, "--json").stdout)


class Version(unittest.TestCase):
    def test_the_programs_tell_the_version_of_the_changelog(self):
        with open(os.path.join(ROOT, "debian", "changelog"), encoding="utf-8") as file:
            version = re.match(r"mmgate \((\S+)\)", file.readline())[1]
        for program in (MMQ, os.path.join(BUILD, "mmgated")):
            self.assertEqual(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[:2], [os.path.basename(program), version])


class Pdu(unittest.TestCase):
    """`mmq pdu` needs no gateway."""

    # M-NotifyResp.ind: transaction T1, version 1.2, Retrieved.
    GOOD = b"\x8c\x83\x98T1\x00\x8d\x92\x95\x81"

    def decode(self, octets, *arguments):
        return subprocess.run([MMQ, "pdu", "-", *arguments], input=octets, capture_output=True)

    def test_good_ones_decode_for_people_and_programs(self):
        rules = schema.load()
        done = self.decode(self.GOOD, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        value = json.loads(done.stdout)
        self.assertEqual(schema.problems(value, rules["$defs"]["pdu"], rules), [])
        self.assertEqual((value["type"], value["headers"]["X-Mms-Transaction-ID"]), ("m-notifyresp-ind", "T1"))
        self.assertIn(b"T1", self.decode(self.GOOD).stdout)
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.GOOD)
            file.flush()
            self.assertEqual(subprocess.run([MMQ, "pdu", file.name], capture_output=True).returncode, 0)

    def test_broken_ones_are_told_by_octet_and_rule(self):
        for octets in (b"", b"\x00", self.GOOD[:-1], self.GOOD[:4], b"\x8c\xff" + self.GOOD[2:], os.urandom(0) + bytes(range(256))):
            done = self.decode(octets, "--json")
            self.assertEqual((done.returncode, done.stdout), (65, b""), octets)
            self.assertRegex(done.stderr.decode(), r"^mmq: -: octet \d+: \w")

    def test_a_terminal_sees_no_control_of_a_pdu(self):
        evil = self.GOOD.replace(b"T1", b"T\x1b[2J1")
        done = self.decode(evil)
        self.assertNotIn(b"\x1b", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
