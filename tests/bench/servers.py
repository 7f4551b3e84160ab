"""The servers of a benchmark, all with the same face: start, stop, where they listen, what they use.

Kurir is a suite of tests/system on 127.0.0.10, built with -Dbuildtype=release; the peers are those of
peers.sh. All keep their files under one folder ($KURIR_PEERS), thus on one disk. The sink is the end of
every relay. What a server uses is summed over its process and all descendants, the ended ones included.
"""

import json
import mmap
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
from suite import BUILD, SMTPD, Suite  # noqa: E402

PEERS = Path(os.environ.get("KURIR_PEERS", "/var/tmp/kurir-peers"))
SINK = ("127.0.0.11", 2690)
DEAD = ("127.0.0.11", 2699)
USERS, BULK = 100, 100
SECRET = "secret"
TICK = os.sysconf("SC_CLK_TCK")
WITH_US = ["setpriv", "--pdeathsig"]  # what is started ends with this program, however that ends


def stat_of(pid):
    """Fields of /proc/PID/stat behind the name: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None


def tree(root):
    """root and all its descendants."""
    children = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = stat_of(folder.name)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def wait_port(address, seconds, process=None):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(address, 1).close()
            return
        except OSError:
            if process and process.poll() is not None:
                break
            time.sleep(0.02)
    raise RuntimeError(f"nobody listens on {address}")


class Server:
    """What all have in common. A subclass sets name, host, root (the pid) and starts and stops it."""

    smtp_port, imap_port, imaps_port, pop3_port = 2525, 1143, 1993, 1110
    root = None

    def cpu(self):
        """Seconds of user and system time so far."""
        total = 0
        for pid in tree(self.root):
            fields = stat_of(pid)
            if fields:
                total += sum(int(x) for x in fields[11:15])
        return total / TICK

    def pss(self):
        """Proportional set sizes of all processes, in KiB, and their number."""
        total = count = 0
        for pid in tree(self.root):
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
            count += 1
        return total, count

    def pids(self):
        return tree(self.root)

    def settle(self, limit=20):
        """Waits until it has used next to nothing for half a second."""
        end, last = time.monotonic() + limit, self.cpu()
        while time.monotonic() < end:
            time.sleep(0.5)
            used = self.cpu()
            if used - last < 0.015:
                return
            last = used

    def user(self, number):
        return f"u{number}@example.test"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Kurir(Server, Suite):
    name, host = "Kurir", "127.0.0.10"

    def __init__(self, users=0, bulk=0):
        os.environ["TMPDIR"] = str(PEERS)
        PEERS.mkdir(parents=True, exist_ok=True)
        import tempfile
        tempfile.tempdir = None
        Suite.__init__(self, host=self.host, users=())
        self.port.update(smtp=self.smtp_port, imap=self.imap_port, imaps=self.imaps_port, pop3=self.pop3_port)
        self.accounts = [f"u{i}" for i in range(users)] + [f"bulk{i}" for i in range(bulk)]

    def conf(self):
        f = self.folder
        return (f'hostname "kurir.test"\nqueue path "{f}/queue"\nmail path "{f}/mail"\nrun path "{f}/run"\n'
                f'accounts path "{f}/accounts/accounts.db"\n'
                f'pki "mail" cert "{f}/cert.pem"\npki "mail" key "{f}/key.pem"\n'
                f'listen on {self.host} port {self.smtp_port}\n'
                f'listen on {self.host} imap port {self.imap_port} tls pki "mail"\n'
                f'listen on {self.host} imaps port {self.imaps_port} pki "mail"\n'
                f'listen on {self.host} pop3 port {self.pop3_port} tls pki "mail"\n'
                f'action "local" mailbox\n'
                f'action "relay" relay host "smtp://{SINK[0]}:{SINK[1]}"\n'
                f'action "defer" relay host "smtp://{DEAD[0]}:{DEAD[1]}"\n'
                'match from any for domain "example.test" action "local"\n'
                'match from any for domain "defer.test" action "defer"\n'
                'match from any for any action "relay"\n')

    def start(self):
        self.make_certificate()
        self.write_conf()
        self.run()
        for account in self.accounts:
            self.ctl("account", "add", f"{account}@example.test", stdin=SECRET + "\n")

    def run(self, *arguments):
        """As Suite's, but the log goes into a file: reading it would cost the machine something."""
        path = self.folder / "log"
        with open(path, "ab") as out:
            begin = out.tell()
            self.process = subprocess.Popen([*WITH_US, "TERM", SMTPD, "-d", "-f", self.path, "-L", BUILD, *arguments],
                                            stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        self.root = self.process.pid
        end = time.monotonic() + 60
        with open(path, "rb") as log:
            log.seek(begin)
            seen = b""
            while b"event=ready" not in seen:
                seen += log.read()
                if time.monotonic() > end or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError("Kurir did not become ready:\n" + seen.decode(errors="replace"))
                time.sleep(0.005)

    def end(self):
        """Ends the processes and keeps the files, so that run() finds them again."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def stop(self):
        self.end()
        subprocess.run(["rm", "-rf", self.folder], check=True)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-4000:]


class Peer(Server):
    """Postfix, OpenSMTPD, Exim or Dovecot, by peers.sh."""

    def __init__(self, name, host, port, **environment):
        self.name, self.key, self.host, self.first_port = name, name.lower().split()[0], host, port
        self.environment = {**os.environ, **environment, "KURIR_PEERS": str(PEERS)}
        self.process = None

    def script(self, verb):
        subprocess.run(["sh", HERE / "peers.sh", verb, self.key], check=True, env=self.environment)

    def start(self):
        self.script("setup")
        self.script("clean")
        self.run()

    def run(self):
        with open(PEERS / f"{self.key}.log", "ab") as out:
            self.process = subprocess.Popen([*WITH_US, "KILL", "sh", HERE / "peers.sh", "run", self.key],
                                            env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True)
        self.root = self.process.pid
        wait_port((self.host, self.first_port), 60, self.process)

    def end(self):
        if self.process:
            for pid in [p for p in tree(self.root) if (stat_of(p) or ("", 0))[1] == str(self.root)]:
                os.kill(pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()  # process 1 of its namespace dies with it, and so do all the others
                self.process.wait()
            self.process = None
            time.sleep(0.3)

    def stop(self):
        self.end()
        self.script("clean")


def postfix(**environment):
    return Peer("Postfix", "127.0.0.12", 2525, **environment)


def opensmtpd():
    return Peer("OpenSMTPD", "127.0.0.13", 2525)


def exim():
    return Peer("Exim", "127.0.0.15", 2525)


def dovecot(**environment):
    return Peer("Dovecot", "127.0.0.14", 1143, **environment)


class Sink:
    """Takes and counts what is relayed."""

    def __enter__(self):
        PEERS.mkdir(parents=True, exist_ok=True)
        self.path = f"/dev/shm/kurir-bench-sink.{os.getpid()}"
        self.process = subprocess.Popen([*WITH_US, "KILL", BUILD / "tests/bench/smtp_sink", SINK[0], str(SINK[1]),
                                         self.path])
        wait_port(SINK, 10, self.process)
        with open(self.path, "rb") as f:
            self.map = mmap.mmap(f.fileno(), 16, prot=mmap.PROT_READ)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        os.unlink(self.path)

    def count(self):
        return struct.unpack("QQ", self.map)[0]

    def wait(self, target, seconds):
        """The moment when so many had come, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.count() >= target:
                return time.monotonic()
            time.sleep(0.002)
        return None


def load(server, seconds=60, **options):
    """Runs smtp_load; gives its report. Options are its letters: c=10, m=1000, l=10240, t="a@b"."""
    words = [str(x) for key, value in options.items() for x in (f"-{key}", value)]
    result = subprocess.run([BUILD / "tests/bench/smtp_load", "-w", str(seconds), *words, server.host,
                             str(server.smtp_port)], capture_output=True, text=True, timeout=seconds + 30)
    if not result.stdout:
        raise RuntimeError(f"smtp_load: {result.stderr}")
    return json.loads(result.stdout)
