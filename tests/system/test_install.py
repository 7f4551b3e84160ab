"""What meson puts on a machine, started there as README.md says: with the paths that nobody names, and by OpenRC.

All of it happens in a mount namespace of its own, whose /usr/local, /var and /run are as on a machine that is new.
"""

import contextlib
import os
import shutil
import signal
import smtplib
import subprocess
import tempfile
import unittest
from pathlib import Path

from suite import BUILD, Suite, message, wait_until

OPENRC = Path("/sbin/openrc-run")
# Folders that every Debian has are there, and empty.
NEW_MACHINE = """set -e
mount --bind "$1/usr/local" /usr/local
for folder in /run /var/lib /var/mail /var/spool; do mount -t tmpfs tmpfs "$folder"; done
shift
exec "$@"
"""
OPENRC_FOLDERS = "starting started stopping inactive wasinactive failed hotplugged daemons options exclusive scheduled tmp"


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                                                capture_output=True).returncode == 0


class Installed(Suite):
    """The suite below /usr/local of its own namespace; smtpctl is called there too."""

    def __init__(self, root, **options):
        super().__init__(**options)
        self.root = root
        self.keeper = None  # keeps the namespace

    def conf(self):
        return "\n".join(l for l in super().conf().split("\n") if l.split(" ")[1:2] != ["path"])

    def enter(self, *command, **options):
        return subprocess.run(["nsenter", "-m", "-t", str(self.keeper.pid), *command], capture_output=True, text=True,
                              timeout=60, **options)

    def ctl_command(self, *arguments, tool=None):
        return ["nsenter", "-m", "-t", str(self.keeper.pid), "/usr/local/sbin/smtpctl", *arguments]

    def hold(self):
        """Makes the namespace; it ends with its keeper, who ends with us."""
        self.keeper = subprocess.Popen(["unshare", "-m", "sh", "-c", NEW_MACHINE, "sh", self.root, "sh", "-c",
                                        "echo there; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.keeper.stdout.readline() == b"there\n"

    def daemon(self, *arguments):
        return ["nsenter", "-m", "-t", str(self.keeper.pid), "/usr/local/sbin/smtpd", "-d", "-f", self.path, *arguments]

    def __enter__(self):
        self.hold()
        return super().__enter__()

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            self.keeper.communicate(timeout=20)


@unittest.skipUnless(may_mount(), "needs root and namespaces")
class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = Path(tempfile.mkdtemp(prefix="kurir-install-"))
        cls.root.chmod(0o755)
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], check=True, capture_output=True,
                       env=dict(os.environ, DESTDIR=str(cls.root)))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    def test_paths_that_nobody_names_are_those_of_the_system(self):
        with Installed(self.root) as s:
            self.assertNotIn(" path ", s.conf())
            s.submit("alice", [s.address("bob")], message("alice", "bob", "at home"))
            s.wait_messages("bob", 1)
            manual = self.root / "usr/local/share/man/man5/smtpd.conf.5"
            for path in ("/var/spool/kurir", "/var/mail/kurir", "/var/run/kurir", "/var/lib/kurir/accounts.db"):
                self.assertEqual(s.enter("test", "-e", path).returncode, 0, path)
                self.assertIn(f".Pa {path}", manual.read_text())

    def test_what_is_installed_meanwhile_waits_for_the_next_start(self):
        """Programs of two versions do not understand each other; an upgrade takes its time, and meanwhile something may die."""
        folder, kept = self.root / "usr/local/libexec/kurir", self.root / "kept"
        out = self.root / "usr/local/out"
        extra = 'action "box" mda "cat > /usr/local/out/%{dest.user}" user nobody\n'
        match = 'match from any for domain "example.test" action "local"\nmatch from auth for domain "box.test" action "box"\n'
        out.mkdir()
        out.chmod(0o777)
        with Installed(self.root, extra=extra, match=match) as s:
            folder.rename(kept)
            shutil.copytree(kept, folder)
            try:
                for program in folder.iterdir():
                    program.unlink()
                    program.write_text("#!/bin/sh\nexit 1\n")
                    program.chmod(0o755)
                for name in ("queue", "mailbox", "lookup", "listener"):
                    pid, = s.pids(name)
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: s.pids(name) not in ([], [pid]), 20, f"another {name}")

                def is_sent():
                    with contextlib.suppress(smtplib.SMTPException, OSError):
                        s.submit("alice", [s.address("bob"), "nobody@box.test"], message("alice", "bob", "meanwhile"))
                        return True
                wait_until(is_sent, 30, "service again")
                s.wait_messages("bob", 1)
                wait_until((out / "nobody").exists, 20, "an agent's delivery")
            finally:
                shutil.rmtree(folder)
                kept.rename(folder)

    def test_a_folder_that_cannot_be_made_is_explained(self):
        s = Installed(self.root)
        s.hold()
        try:
            s.prepare()
            s.write_conf('accounts path "/var/lib/gone/kurir/accounts.db"\n' + s.conf())
            r = s.enter("/usr/local/sbin/smtpd", "-d", "-f", s.path)
            self.assertEqual(r.returncode, 1)
            self.assertIn("cannot make the folder /var/lib/gone/kurir: what it lies in is not there; make that", r.stderr)
        finally:
            s.keeper.communicate(timeout=20)
            shutil.rmtree(s.folder)

    @unittest.skipUnless(OPENRC.exists(), "needs OpenRC")
    def test_openrc(self):
        s = Installed(self.root)
        script, settings = self.root / "openrc/init.d/kurir", self.root / "openrc/conf.d/kurir"
        for path, text in ((script, (BUILD / "etc/kurir").read_text()), (settings, f'kurir_flags="-f {s.path}"\n')):
            path.parent.mkdir(parents=True)
            path.write_text(text)
            path.chmod(0o755)

        def service(order, code=0):
            r = s.enter(script, "--nodeps", order)  # the network of this machine is there, and not OpenRC's
            self.assertEqual(r.returncode, code, (order, r))
            return r.stdout + r.stderr

        s.hold()
        try:
            s.prepare()
            s.enter("sh", "-c", f"cd /run && mkdir -p lock openrc && cd openrc && mkdir {OPENRC_FOLDERS} && touch softlevel")
            service("checkconfig")
            self.assertIn("stopped", service("status", 3))
            service("start")
            self.assertIn("started", service("status"))
            s.ctl("account", "add", s.address("bob"), stdin="bob-secret\n")
            with s.smtp() as c:
                c.sendmail("a@x.test", [s.address("bob")], message("a", "b", "by OpenRC"))
            s.wait_messages("bob", 1)
            pid = s.enter("cat", "/run/kurir.pid").stdout
            s.write_conf(s.conf().replace('hostname "mail.', 'hostname "other.'))
            service("reload")

            def greets():
                with s.smtp() as c:
                    return b"other." in c.ehlo("x.test")[1]
            wait_until(greets, 20, "the new name")
            s.write_conf(s.conf() + "nonsense\n")
            for order in ("checkconfig", "reload"):
                self.assertIn('no line begins with "nonsense"', service(order, 1))
            self.assertIn('no line begins with "nonsense"', service("restart"))
            self.assertEqual(s.enter("cat", "/run/kurir.pid").stdout, pid)
            s.write_conf()
            service("restart")
            self.assertNotEqual(s.enter("cat", "/run/kurir.pid").stdout, pid)
            s.wait_messages("bob", 1)
            service("stop")
            self.assertFalse(s.enter("cat", "/run/kurir.pid").stdout)
        finally:
            s.enter(script, "--nodeps", "stop")
            s.keeper.communicate(timeout=20)
            shutil.rmtree(s.folder)
