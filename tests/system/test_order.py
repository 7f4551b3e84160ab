"""SMTP commands in every order: all pairs in each state of a session, and all triples after EHLO, against a model of RFC
5321 4.1.4 (row S49 of the attacks)."""

import itertools
import unittest

from attack import Attacks
from test_attacks_smtp import FAR, GOOD, Smtp

TRANSACTION = ("none", "mail", "rcpt")


class Model:
    """What a session knows, and the class of reply that each command gets."""

    def __init__(self):
        self.hello, self.transaction, self.over = False, "none", False

    def begin(self):
        self.hello, self.transaction = True, "none"
        return "250"

    def mail(self):
        if not self.hello or self.transaction != "none":
            return "503"
        self.transaction = "mail"
        return "250"

    def rcpt(self):
        if self.transaction == "none":
            return "503"
        self.transaction = "rcpt"
        return "250"

    def rcpt_far(self):
        return "503" if self.transaction == "none" else "550"

    def data(self):
        if self.transaction != "rcpt":
            return "5(03|54)"
        self.transaction = "none"
        return "354"

    def reset(self):
        self.transaction = "none"
        return "250"

    def quit(self):
        self.over = True
        return "221"


COMMANDS = {
    "EHLO x.test": Model.begin,
    "HELO x.test": Model.begin,
    "MAIL FROM:<a@b.test>": Model.mail,
    "MAIL FROM:<a@b": lambda m: "50[13]",
    f"RCPT TO:<{GOOD}>": Model.rcpt,
    f"RCPT TO:<{FAR}>": Model.rcpt_far,
    "DATA": Model.data,
    "RSET": Model.reset,
    "NOOP": lambda m: "250",
    "VRFY alice": lambda m: "25[02]",
    "HELP": lambda m: "214",
    "QUIT": Model.quit,
    "STARTTLS x": lambda m: "50[13]",
    "BDAT x": lambda m: "50.",
}

STATES = {
    "greeted": [],
    "hello": ["EHLO x.test"],
    "mail": ["EHLO x.test", "MAIL FROM:<a@b.test>"],
    "rcpt": ["EHLO x.test", "MAIL FROM:<a@b.test>", f"RCPT TO:<{GOOD}>"],
}


class Order(Attacks):
    def is_served(self):
        try:
            with Smtp(self.suite) as client:
                client.ask("QUIT", "221")
        except (AssertionError, OSError) as e:
            return str(e) or repr(e)

    def play(self, commands):
        model = Model()
        with Smtp(self.suite, hello=False) as c:
            for i, command in enumerate(commands):
                expected = COMMANDS[command](model)
                try:
                    reply = c.ask(command, expected)
                except AssertionError as e:
                    raise AssertionError(f"after {commands[:i]}: {e}") from None
                if reply.startswith("354"):
                    c.ask("Subject: x\r\n\r\nx\r\n.", "250")
                if model.over:
                    self.assertIsNone(c.reply())
                    break

    def test_pairs_in_every_state(self):
        for name, before in STATES.items():
            with self.row(f"S49 {name}"):
                for pair in itertools.product(COMMANDS, repeat=2):
                    self.play(before + list(pair))

    def test_triples(self):
        with self.row("S49 triples"):
            for triple in itertools.product(COMMANDS, repeat=3):
                self.play(STATES["hello"] + list(triple))


if __name__ == "__main__":
    unittest.main()
