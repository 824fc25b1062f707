"""An authority of the test's own, and what it certifies. Made with openssl."""
import base64
import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile


class Certificate:
    def __init__(self, path, key):
        self.path, self.key = path, key

    @property
    def pin(self):
        """SHA-256 of the public key, in base64."""
        public = subprocess.run(["openssl", "x509", "-in", self.path, "-noout", "-pubkey"], check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True, capture_output=True).stdout
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Authority:
    """with Authority() as authority: authority.issue("mms.a.example")"""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mmgate-ca-")
        os.chmod(self.folder, 0o755)
        self.path, self.key = os.path.join(self.folder, "ca.pem"), os.path.join(self.folder, "ca.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=authority of a test", "-days",
                     "2",
                     "-keyout", self.key, "-out", self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

    def issue(self, name):
        """A certificate for a host name and 127.0.0.1, for servers and clients."""
        stem = os.path.join(self.folder, name)
        with open(stem + ".ext", "w") as file:
            file.write(f"subjectAltName=DNS:{name},IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", stem + ".key",
                     "-out", stem + ".csr")
        self.openssl("x509", "-req", "-in", stem + ".csr", "-CA", self.path, "-CAkey", self.key, "-CAcreateserial", "-days", "2", "-extfile",
                     stem + ".ext",
                     "-out", stem + ".pem")
        os.chmod(stem + ".key", 0o644)
        return Certificate(stem + ".pem", stem + ".key")

    def server(self, certificate, mutual=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path, certificate.key)
        if mutual:
            context.load_verify_locations(self.path)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self, certificate=None, verify=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.path)
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate.path, certificate.key)
        return context
