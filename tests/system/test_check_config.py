"""What --check-config finds on the machine beyond the file: certificates, addresses, names, permissions."""
import os
import socket
import subprocess
import unittest

from case import Case
from certificates import Authority
from gateway import BUILD


class CheckConfig(Case):
    def setUp(self):
        super().setUp()
        self.authority = self.enterContext(Authority())
        os.chmod(self.gateway.state_dir, 0o700)
        os.chmod(self.gateway.config_path, 0o600)
        self.gateway.configure(alarms={"certificate": "1h"})
        self.certificate = self.authority.issue("gw1.mms.example.net")

    def check_config(self, **sections):
        """(status, lines)"""
        self.gateway.configure(**sections)
        done = subprocess.run([os.path.join(BUILD, "mmgated"), "-c", self.gateway.config_path, "--check-config"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr.splitlines()

    def found(self, status, pattern, **sections):
        code, lines = self.check_config(**sections)
        self.assertEqual((code, len(lines)), (status, 1), lines)
        self.assertRegex(lines[0], pattern)

    def tls(self, certificate, key):
        return {"tls": {"certificate": certificate, "key": key}}

    def test_a_good_one_is_quiet_beside_a_running_gateway_and_without_it(self):
        ports = [f"127.0.0.1:{self.gateway.smtp[1]}"]
        good = {"smtp": {"listen": ports, **self.tls(self.certificate.path, self.certificate.key)}}
        self.assertEqual(self.check_config(**good), (0, []))
        self.gateway.stop()
        self.assertEqual(self.check_config(**good), (0, []))

    def test_certificates(self):
        other = self.authority.issue("other.example.net")
        ended = os.path.join(self.authority.folder, "ended.pem")
        self.authority.openssl("req", "-new", "-key", other.key, "-subj", "/CN=ended", "-out", os.path.join(self.authority.folder, "ended.csr"))
        self.authority.openssl("x509", "-req", "-in", os.path.join(self.authority.folder, "ended.csr"), "-signkey", other.key, "-days", "0", "-out", ended)
        self.found(78, r"^mmgated: smtp\.tls\.certificate: .*/none\.pem.*No such file", smtp=self.tls("/nonexistent/none.pem", other.key))
        self.found(78, r"^mmgated: smtp\.tls\.certificate: .*mismatch", smtp=self.tls(self.certificate.path, other.key))
        self.found(78, r"^mmgated: smtp\.tls\.certificate: .*ended\.pem has expired", smtp=self.tls(ended, other.key))
        self.found(0, r"^mmgated: note: smtp\.tls\.certificate: .* ends in 1 days$", smtp=self.tls(other.path, other.key), alarms={"certificate": "14d"})
        self.gateway.configure(alarms={"certificate": "1h"})
        peer = {"name": "hub", "domain": "mms.hub.example", "prefixes": ["+4670"], "next_hop": ["127.0.0.1:25"], "networks": ["127.0.0.1"], "tls": "verify",
                "tls_names": ["mms.hub.example"]}
        self.found(78, r"^mmgated: peer\.0 \(hub\)\.tls_ca: .*none\.pem", peer=[{**peer, "tls_ca": "/nonexistent/none.pem"}])
        self.found(78, r"^mmgated: peer\.0 \(hub\)\.tls_certificate: .*none\.pem",
                   peer=[{**peer, "tls_ca": self.authority.path, "tls_certificate": "/nonexistent/none.pem", "tls_key": other.key}])

    def test_addresses(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            self.assertEqual(self.check_config(metrics={"listen": [taken]}), (0, []), "the gateway runs: it may be its own")
            self.gateway.stop()
            self.found(0, rf"^mmgated: note: metrics\.listen: {taken}: in use", metrics={"listen": [taken]})
            self.found(78, r"^mmgated: smtp\.listen: 192\.0\.2\.7:2525: Cannot assign", metrics={"listen": []}, smtp={"listen": ["192.0.2.7:2525"]})

    def test_names(self):
        self.found(0, r"^mmgated: note: push\.url: ppg\.invalid: ", push={"url": "http://ppg.invalid:8080/push"})

    def test_files_and_folders(self):
        self.gateway.stop()
        state = self.gateway.sections["gateway"]["state_dir"]
        self.found(78, r"^mmgated: gateway\.state_dir: /nonexistent/state is not there and cannot be made", gateway={"state_dir": "/nonexistent/state"})
        self.found(78, r"^mmgated: gateway\.state_dir: .* is no folder", gateway={"state_dir": self.gateway.config_path})
        self.gateway.configure(gateway={"state_dir": state})
        self.found(78, r"^mmgated: gateway\.control: .*mmgate\.toml is there already, and is no socket", gateway={"control": self.gateway.config_path})
        self.gateway.configure(gateway={"control": self.gateway.control})
        os.chmod(state, 0o755)
        self.found(0, r"^mmgated: note: gateway\.state_dir: .* open to other users")
        os.chmod(state, 0o700)
        os.chmod(self.gateway.config_path, 0o664)
        self.found(78, r"mmgate\.toml: can be changed by others")
        os.chmod(self.gateway.config_path, 0o644)
        self.found(0, r"mmgate\.toml: holds a password", push={"password": "open sesame"})
        os.chmod(self.gateway.config_path, 0o600)
        self.assertEqual(self.check_config(), (0, []))


if __name__ == "__main__":
    unittest.main()
