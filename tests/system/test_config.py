#!/usr/bin/env python3
"""smtpd.conf: what each file of tests/config means, or how its mistake is told."""

import grp
import os
import pwd
import subprocess
import tempfile
import unittest
from pathlib import Path

from suite import ROOT, SMTPD

FOLDER = ROOT / "tests/config"


class Config(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.hold = tempfile.TemporaryDirectory(prefix="kurir-config-")
        cls.dir = Path(cls.hold.name)
        cls.dir.chmod(0o755)  # lookup reads the tables as a user of its own
        for key, cert in (("key.pem", "cert.pem"), ("other.key", "other.pem")):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", cls.dir / key, "-out", cls.dir / cert, "-days", "9", "-subj", "/CN=mail.example.org"],
                           check=True, capture_output=True)
            (cls.dir / key).chmod(0o600)
            (cls.dir / cert).chmod(0o644)
        (cls.dir / "open.key").write_bytes((cls.dir / "key.pem").read_bytes())
        (cls.dir / "open.key").chmod(0o644)
        subprocess.run(["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", cls.dir / "key.pem", "-out", cls.dir / "phrase.key"],
                       check=True, capture_output=True)
        (cls.dir / "empty").touch()
        (cls.dir / "empty.key").touch(mode=0o600)
        (cls.dir / "phrase.key").chmod(0o600)
        for name in ("cert.pem", "key.pem"):  # as an editor of another system leaves it
            crlf = cls.dir / f"crlf-{name}"
            crlf.write_bytes((cls.dir / name).read_bytes().replace(b"\n", b"\r\n"))
            crlf.chmod(0o600)
        (cls.dir / "file").write_text("root: alice\n")
        (cls.dir / "included").write_text("included = { a, b }\n".replace("{ a, b }", '"{ 192.0.2.7 }"'))
        (cls.dir / "loop").write_text(f'include "{cls.dir}/loop"\n')
        (cls.dir / "wrong").write_text("\n\nlisten in the wind\n")

    @classmethod
    def tearDownClass(cls):
        cls.hold.cleanup()

    def check(self, path):
        """What smtpd says of the file: the exit status, standard output, standard error."""
        r = subprocess.run([SMTPD, "-n", "-v", "-D", f"dir={self.dir}", "-D", f"file=file:{self.dir}/file",
                            "-D", f"passwd=passwd:{self.dir}/file", "-f", path.name], cwd=path.parent,
                           capture_output=True, text=True, timeout=60)
        return r.returncode, r.stdout.replace(str(self.dir), "DIR"), r.stderr.replace(str(self.dir), "DIR")

    def expect(self, path, text):
        if os.environ.get("KURIR_GOLDEN") == "write":
            path.write_text(text)
        self.assertEqual(text, path.read_text(), path.name)

    def test_golden(self):
        names = sorted(FOLDER.glob("*.in"))
        self.assertGreater(len(names), 40)
        for path in names:
            with self.subTest(path.stem):
                status, out, err = self.check(path)
                if path.stem.startswith("bad-"):
                    self.assertEqual((status, out), (1, ""), err)
                    self.expect(path.with_suffix(".err"), err)
                    continue
                self.assertEqual(status, 0, err)
                self.assertTrue(err.endswith("configuration OK\n"), err)
                out = out.replace(f'hostname "{os.uname().nodename}"', 'hostname "HOST"')
                self.expect(path.with_suffix(".ok"), out.replace('"/var/lib/kurir/', '"/var/db/kurir/'))  # as the system has it

    def test_what_is_printed_reads_the_same(self):
        for path in sorted(FOLDER.glob("*.in")):
            if path.stem.startswith("bad-"):
                continue
            with self.subTest(path.stem):
                once = self.check(path)[1]
                again = self.dir / "again.conf"
                again.write_text(once.replace("DIR", str(self.dir)))
                self.assertEqual(self.check(again)[1], once)

    def test_lines_without_effect_are_told(self):
        err = self.check(FOLDER / "limits.in")[2]
        for word in ("admd", "compression", "dhe"):
            self.assertIn(f"{word} has no effect", err)
        self.assertEqual(err.count("this limit has no effect"), 3)

    def test_a_domain_that_none_is_called_is_told(self):
        path = self.dir / "domain.conf"
        for domain, advice in (("exa mple.org", ""), ("bücher..example", ""), ("example.org.", ""), ("-x.example", ""),
                               ("ann@example.org", ", or rcpt-to for an address")):
            path.write_text(f'action a mailbox\nmatch for domain {{ "example.org", "{domain}" }} action a\n')
            self.assertEqual(self.check(path)[::2], (0, f'domain.conf:2: "{domain}" is no domain, and matches none; write one like '
                                                        f"example.org{advice}\nconfiguration OK\n"))
        path.write_text('action a mailbox\nmatch for domain { "*", "*.example.org", ".example.org", "bücher.example", "[192.0.2.1]", '
                        '"mail?.test", localhost } action a\nmatch for domain regex "^a b$" action a\n')
        self.assertEqual(self.check(path)[::2], (0, "configuration OK\n"))

    def test_a_user_that_is_not_there_is_told(self):
        path = self.dir / "user.conf"
        for user, is_told in (("nobody", False), ("no-such-user", True)):
            path.write_text(f'action a mda "cat" user {user}\nmatch for any action a\n')
            status, _, err = self.check(path)
            self.assertEqual(status, 0, err)
            self.assertEqual(f'user.conf:1: this system has no user "{user}": mail for the action waits' in err, is_told, err)

    def test_an_open_relay_is_told(self):
        """Only where strangers come in without a password, and nobody was refused before."""
        path = self.dir / "relay.conf"
        action, match = "action out relay\n", "match from any for any action out\n"
        cases = {"listen on 192.0.2.7\n" + action + match: True,
                 "listen on 127.0.0.1\n" + action + match: False,
                 "listen on 192.0.2.7\n" + action + "match ! from src 192.0.2.0/24 for any reject\n" + match: False,
                 "listen on 192.0.2.7\n" + action + "match from auth for any action out\n": False,
                 "listen on 192.0.2.7\n" + action + "match from any auth for any action out\n": False,
                 "listen on 192.0.2.7\naction out mailbox\n" + match: False,
                 "listen on 192.0.2.7 submission tls pki m auth\n" + action + match: False}
        for text, is_open in cases.items():
            with self.subTest(text):
                path.write_text(f"pki m cert {self.dir}/cert.pem\npki m key {self.dir}/key.pem\n" + text)
                status, _, err = self.check(path)
                self.assertEqual(status, 0, err)
                self.assertEqual("anybody can send anywhere" in err, is_open, err)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_table_that_lookup_cannot_read_is_told(self):
        """Root can read it, and would only learn of it from mail that waits."""
        shut = self.dir / "shut"
        shut.mkdir(mode=0o700)
        (shut / "file").write_text("a: b\n")
        secrets = self.dir / "secrets"
        secrets.write_text("a: b\n")
        path = self.dir / "access.conf"
        group = grp.getgrgid(pwd.getpwnam("_kurirl").pw_gid)
        reads = f'chgrp {group.gr_name} DIR/secrets && chmod g+r DIR/secrets'
        for table, mode, gid, wanted in (
                ("secrets", 0o644, 0, None), ("secrets", 0o640, group.gr_gid, None),
                ("secrets", 0o640, 0, f"lookup runs as _kurirl and may not read DIR/secrets; {reads}"),
                ("secrets", 0o600, group.gr_gid, f"lookup runs as _kurirl and may not read DIR/secrets; {reads}"),
                ("shut/file", 0o644, 0, "lookup runs as _kurirl and may not enter the folder DIR/shut; chmod o+x DIR/shut, or move the file")):
            with self.subTest(table=table, mode=mode):
                secrets.chmod(mode)
                os.chown(secrets, 0, gid)
                path.write_text(f'table first file:{self.dir}/file\n\ntable t file:{self.dir}/{table}\nmatch for any reject\n')
                status, _, err = self.check(path)
                self.assertEqual((status, err), (1, f'access.conf:3: table "t": {wanted}\n') if wanted else (0, "configuration OK\n"))

    def test_bounds(self):
        cases = {"a match has 40 conditions at most": "match " + "helo x " * 41 + "reject\n",
                 "more macros are used": "a = x\n" + "match from any for domain $a reject\n" * 10001,
                 "there are too many macros": "".join(f"m{i} = x\n" for i in range(1001)),
                 "is larger than": "#" * 1048577,
                 "a word is too long": 'hostname "' + "x" * 9000 + '"\n',
                 "a sender is warned 4 times at most": "bounce warn-interval 1h, 2h, 3h, 4h, 5h\n",
                 "there are more than 100 wrappers": "".join(f'mda wrapper w{i} "x %{{mda}}"\n' for i in range(101)),
                 "stands in quotes only": "hostname \0\n"}
        for sentence, text in cases.items():
            with self.subTest(sentence):
                path = self.dir / "bound.conf"
                path.write_text(text)
                status, _, err = self.check(path)
                self.assertEqual(status, 1)
                self.assertIn(sentence, err)

    def test_definitions(self):
        path = self.dir / "define.conf"
        path.write_text("name = file\nmatch for domain $name reject\n")
        r = subprocess.run([SMTPD, "-nv", "-D", "name=line", "-f", path], capture_output=True, text=True, timeout=60)
        self.assertIn('{ "line" }', r.stdout)
        r = subprocess.run([SMTPD, "-n", "-D", "nothing", "-f", path], capture_output=True, text=True, timeout=60)
        self.assertEqual((r.returncode, r.stderr), (1, "-D nothing: write -D name=value\n"))


if __name__ == "__main__":
    unittest.main()
