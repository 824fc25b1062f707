"""Postfix as a mail server between others."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile

from peers import Waiter

MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydomain = example.com
mydestination =
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_host_lookup = native
smtputf8_enable = no
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 20000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ mailbox@example.com=mailbox/, sender@example.com=sender/ }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = inline:{{ {transports} }}
relay_domains = {domains}
minimal_backoff_time = 1s
queue_run_delay = 1s
"""

MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class Postfix(Waiter):
    """A private instance on loopback that delivers example.com into maildirs and hands on what is for `relayed`: {domain: port on loopback}."""

    def __init__(self, relayed, settings=""):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="mmgate-postfix-")
        os.chmod(self.folder, 0o755)
        owner = pwd.getpwnam("postfix")
        self.etc = os.path.join(self.folder, "etc")
        for name in ("etc", "queue", "data", "mail"):
            os.mkdir(os.path.join(self.folder, name))
        os.chown(os.path.join(self.folder, "data"), owner.pw_uid, owner.pw_gid)
        os.chown(os.path.join(self.folder, "mail"), owner.pw_uid, owner.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        with open(os.path.join(self.etc, "main.cf"), "w") as file:
            transports = ", ".join(f"{domain}=smtp:[127.0.0.1]:{port}" for domain, port in relayed.items())
            file.write(MAIN.format(folder=self.folder, uid=owner.pw_uid, gid=owner.pw_gid, transports=transports, domains=" ".join(relayed)) + settings)
        with open(os.path.join(self.etc, "master.cf"), "w") as file:
            file.write(MASTER.format(port=self.port))
        self.run("postfix", "-c", self.etc, "start")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.log()[-4000:])
        self.run("postfix", "-c", self.etc, "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *argv, check=True):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=dict(os.environ, MAIL_CONFIG=self.etc))
        if check and done.returncode:
            raise AssertionError(f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}{self.log()}")
        return done

    def log(self):
        path = os.path.join(self.folder, "maillog")
        return open(path, errors="replace").read() if os.path.exists(path) else ""

    def mails(self, mailbox):
        found = []
        for path in sorted(glob.glob(os.path.join(self.folder, "mail", mailbox, "new", "*"))):
            with open(path, "rb") as file:
                found.append(file.read())
        return found
