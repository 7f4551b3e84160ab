"""A private suite for a test: its own folder, ports, certificate, accounts and processes.

Every test that needs the whole of Kurir makes a Suite, uses real clients against it, and stops
it. Only processes that were started here are ended, by their process ids.
"""

import fcntl
import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("KURIR_BUILD", ROOT / "build")).resolve()
SMTPD = BUILD / "smtpd/parent/smtpd"
SMTPCTL = BUILD / "smtpd/ctl/smtpctl"
PORTS = range(10000, 32000)
PASSWORDS = {"alice": "alice-secret", "bob": "bob-secret"}


def wait_until(condition, seconds=10, what="a condition"):
    """Calls condition until it is true; fails with what after so many seconds. It is asked once more at the end:
    whoever slept longer than was meant has not looked yet."""
    end = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() >= end
        value = condition()
        if value:
            return value
        if is_last:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def state_of(pid):
    """A process's letter in /proc: "Z" when it has ended and nobody asked how; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return ""


def next_port():
    """The next of the ports for tests: below those that the kernel gives to clients, in turn for all tests of a user,
    so that two that run at the same time never mean the same."""
    with open(Path(tempfile.gettempdir()) / f"kurir-ports-{os.getuid()}", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = int(file.read() or 0)
        port = last + 1 if PORTS.start <= last < PORTS.stop - 1 else PORTS.start
        file.truncate(0)
        file.write(str(port))
    return port


def free_port_on(*hosts):
    """A port that nobody uses now on any of these."""
    while True:
        port = next_port()
        try:
            for host in hosts:
                with socket.socket() as s:
                    s.bind((host, port))
            return port
        except OSError:
            pass


def free_ports(count, host):
    """Ports that nobody uses now on host, all different."""
    return [free_port_on(host) for _ in range(count)]


def message(sender, to, subject="test", body="hello\r\n", extra=""):
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n{extra}\r\n{body}").encode()


class Suite:
    """One running suite for the domain, on host. Use it in a with statement."""

    def __init__(self, domain="example.test", host="127.0.0.1", extra="", dns=None, relay_port=None,
                 users=("alice", "bob"), match=None, listeners=None):
        self.domain, self.host, self.extra, self.dns = domain, host, extra, dns
        self.relay_port, self.users, self.match = relay_port, users, match
        self.folder = Path(tempfile.mkdtemp(prefix="kurir-test-"))
        self.folder.chmod(0o755)
        names = ["smtp", "submission", "smtps", "imap", "imaps", "pop3", "pop3s"]
        self.port = dict(zip(names, free_ports(len(names), host)))
        if listeners:
            self.port.update(listeners)
        self.process = None
        self.build = BUILD
        # The leak check reads /proc, which a process behind its walls has not; unit tests have it.
        self.environment = {"ASAN_OPTIONS": "detect_leaks=0"}
        self.lines = []

    def forget_freed_memory(self):
        """For tests that measure growth: of what is freed AddressSanitizer keeps 256 MiB unless told."""
        self.environment["ASAN_OPTIONS"] += ":quarantine_size_mb=4:thread_local_quarantine_size_kb=64"

    # The configuration: what an administrator would write, on high ports.
    def conf(self):
        p, f = self.port, self.folder
        match = self.match or (f'match from any for domain "{self.domain}" action "local"\n'
                               'match from socket for any action "out"\n'
                               'match from auth for any action "out"\n')
        return (f'hostname "mail.{self.domain}"\n'
                f'queue path "{f}/queue"\nmail path "{f}/mail"\nrun path "{f}/run"\n'
                f'accounts path "{f}/accounts/accounts.db"\n'
                + (f'resolver "{self.dns}"\n' if self.dns else "")
                + (f"mta port {self.relay_port}\n" if self.relay_port else "")
                + f'pki "mail" cert "{f}/cert.pem"\npki "mail" key "{f}/key.pem"\n'
                f'listen on {self.host} port {p["smtp"]} tls pki "mail"\n'
                f'listen on {self.host} submission port {p["submission"]} tls pki "mail" auth\n'
                f'listen on {self.host} port {p["smtps"]} smtps pki "mail" auth\n'
                f'listen on {self.host} imap port {p["imap"]} tls pki "mail"\n'
                f'listen on {self.host} imaps port {p["imaps"]} pki "mail"\n'
                f'listen on {self.host} pop3 port {p["pop3"]} tls pki "mail"\n'
                f'listen on {self.host} pop3s port {p["pop3s"]} pki "mail"\n'
                f'{self.extra}'
                'action "local" mailbox\naction "out" relay\n'
                f"{match}")

    def write_conf(self, text=None):
        self.path.write_text(text if text is not None else self.conf())

    @property
    def path(self):
        return self.folder / "smtpd.conf"

    def make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem", "-days", "30",
             "-subj", f"/CN=mail.{self.domain}", "-addext",
             f"subjectAltName=DNS:mail.{self.domain},DNS:localhost,IP:{self.host}"],
            check=True, capture_output=True)
        (self.folder / "key.pem").chmod(0o600)

    def place(self, folder):
        """Everything of the suite lies in that folder, which is the caller's to remove."""
        shutil.rmtree(self.folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        self.folder = folder

    def prepare(self):
        self.make_certificate()
        self.write_conf()

    def start(self):
        self.prepare()
        return self.begin()

    def begin(self):
        self.run()
        for user in self.users:
            self.ctl("account", "add", f"{user}@{self.domain}", stdin=PASSWORDS.get(user, f"{user}-secret") + "\n")
        return self

    def daemon(self, *arguments):
        """How it is started in the foreground."""
        return [SMTPD, "-d", "-f", self.path, "-L", self.build, *arguments]

    def launch(self, *arguments):
        """Starts the processes on the configuration that is there, and does not wait for them."""
        self.ready = threading.Event()
        self.process = subprocess.Popen(
            self.daemon(*arguments),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, env=dict(os.environ, **self.environment))
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def run(self, *arguments):
        self.launch(*arguments)
        if not self.ready.wait(30):
            self.stop()
            raise AssertionError("the suite did not become ready:\n" + self.tail())

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            if "event=ready" in self.lines[-1]:
                self.ready.set()

    def log(self):
        """All lines so far: what one process says late may stand before or after anything of another."""
        return "\n".join(self.lines)

    def tail(self):
        return "\n".join(self.lines[-200:])

    def stop(self):
        """Ends the suite with SIGTERM and expects it to end by itself."""
        if not self.process:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)  # it is to need 20, of which test_daemon is the judge
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            code = None
        self.reader.join(5)
        self.process.stdout.close()
        self.process = None
        return code

    def kill(self):
        """Ends every process of the suite at once, as a power cut would; none of them holds a file any more then."""
        self.process.send_signal(signal.SIGSTOP)  # it would start another for a child that died before it
        wait_until(lambda: state_of(self.process.pid) in ("T", "Z"), 10, "the parent to stand still")
        pids = [p["pid"] for p in self.processes()] + [self.process.pid]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in pids), 10, "the end of all that were killed")
        self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()
        self.process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, value, trace):
        code = self.stop()
        complaints = [l for l in self.lines if "ERROR: AddressSanitizer" in l or "runtime error:" in l
                      or "event=bug" in l or "LeakSanitizer" in l]
        if kind is not None:
            print(self.tail())
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            assert not complaints, "\n".join(complaints) + "\n" + self.tail()
            assert code == 0, f"the suite ended with {code}:\n{self.tail()}"

    # The administrator's side.
    def ctl_command(self, *arguments, tool=None):
        return [tool or SMTPCTL, "-s", self.folder / "run/smtpd.sock", *arguments]

    def ctl(self, *arguments, stdin="", check=True, tool=None):
        result = subprocess.run(self.ctl_command(*arguments, tool=tool), input=stdin, capture_output=True, text=True, timeout=60)
        if check and result.returncode != 0:
            raise AssertionError(f"smtpctl {arguments}: {result.returncode} {result.stderr}\n{self.tail()}")
        return result

    def processes(self):
        """The children of the parent that run now: name and pid."""
        out = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == self.process.pid:
                    name = (stat.parent / "cmdline").read_bytes().split(b"\0")[0].decode().split(":")[0]
                    out.append({"pid": int(stat.parent.name), "name": name.split("/")[-1].split()[0]})
            except (OSError, IndexError, ValueError):
                pass
        return out

    def pids(self, name):
        return [p["pid"] for p in self.processes() if p["name"] == name]

    def queue(self):
        """The envelopes in the queue."""
        text = self.ctl("--json", "show", "queue").stdout
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def wait_queue_empty(self, seconds=30):
        def is_empty():
            shown = self.ctl("--json", "show", "queue", check=False)
            assert shown.returncode in (0, os.EX_TEMPFAIL), shown  # the latter while queue is started anew
            return shown.returncode == 0 and not shown.stdout.strip()
        wait_until(is_empty, seconds, "an empty queue")

    # The clients' side.
    def address(self, user):
        return f"{user}@{self.domain}"

    def password(self, user):
        return PASSWORDS.get(user, f"{user}-secret")

    def tls(self):
        context = ssl.create_default_context(cafile=self.folder / "cert.pem")
        return context

    def smtp(self, port="smtp"):
        return smtplib.SMTP(self.host, self.port[port], timeout=30)

    def submit(self, sender, to, data):
        """Submits as that user over TLS; to is a list."""
        with smtplib.SMTP(self.host, self.port["submission"], timeout=60) as s:
            s.starttls(context=self.tls())
            s.login(self.address(sender), self.password(sender))
            return s.sendmail(self.address(sender), to, data)

    def imap(self, user, tls=True):
        import imaplib
        if tls:
            c = imaplib.IMAP4_SSL(self.host, self.port["imaps"], ssl_context=self.tls(), timeout=60)
        else:
            c = imaplib.IMAP4(self.host, self.port["imap"], timeout=60)
        c.login(self.address(user), self.password(user))
        return c

    def pop3(self, user):
        import poplib
        c = poplib.POP3_SSL(self.host, self.port["pop3s"], context=self.tls(), timeout=60)
        c.user(self.address(user))
        c.pass_(self.password(user))
        return c

    def bodies(self, user):
        """The octets of every message in INBOX, read over POP3."""
        c = self.pop3(user)
        try:
            return [b"\r\n".join(c.retr(i)[1]) + b"\r\n" for i in range(1, c.stat()[0] + 1)]
        finally:
            c.quit()

    def wait_messages(self, user, count, seconds=20):
        return wait_until(lambda: (lambda b: b if len(b) >= count else None)(self.bodies(user)),
                          seconds, f"{count} messages for {user}")
