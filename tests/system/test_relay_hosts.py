#!/usr/bin/env python3
"""A domain of several hosts, of which some cannot take the message: the next is asked (RFC 5321 5.1)."""

import unittest

from suite import Suite, free_port_on, message, wait_until
from test_relay import NameServer
from test_relay_options import Server

# The host at which nobody listens, and those that do and what they offer.
DOWN, PLAIN, SMALL, WIDE, BARE = "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8", "127.0.0.9"
OFFERS = {PLAIN: ("PIPELINING",), SMALL: ("8BITMIME", "SIZE 10000"), WIDE: ("8BITMIME", "SIZE 50000000"), BARE: ()}
LARGE, EIGHT = "0123456789\r\n" * 1000, "grün\r\n"


class Hosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        port = free_port_on("127.0.0.1", DOWN, *OFFERS)
        hosts = "".join(f"h{a.rsplit('.')[-1]} A {a}\n" for a in (DOWN, *OFFERS))
        cls.dns = NameServer({
            "other.test": "@ MX 10 h6\n@ MX 20 h8\n" + hosts,
            "smaller.test": "@ MX 10 h7\n@ MX 20 h8\n" + hosts,
            "none.test": "@ MX 10 h6\n@ MX 20 h9\n" + hosts,
            "both.test": "@ MX 10 h6\n@ MX 20 h7\n" + hosts,
            "one.test": "@ MX 10 h6\n" + hosts,
            "away.test": "@ MX 10 h5\n@ MX 20 h6\n" + hosts,
            "later.test": "@ MX 10 h6\n@ MX 20 h5\n" + hosts,
            "unknown.test": "@ MX 10 h6\n@ MX 20 nowhere\n" + hosts,
            "twice.test": "@ MX 10 two\ntwo A 127.0.0.6\ntwo A 127.0.0.5\n",
            "kept.test": "@ MX 10 h6\n@ MX 20 h8\n" + hosts,
            "gone.test": "@ MX 10 nowhere\n",
            "smart.test": hosts,
        })
        cls.servers = {host: Server(port, offers, host=host) for host, offers in OFFERS.items()}
        cls.suite = Suite(dns=f"127.0.0.1@{cls.dns.port}", relay_port=port,
                          extra='action "smart" relay host smtp://nowhere.smart.test\n',
                          match='match from any for domain "example.test" action "local"\n'
                                'match from any for domain "named.test" action "smart"\n'
                                'match from socket for any action "out"\n'
                                'match from auth for any action "out"\n').__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)
        for server in cls.servers.values():
            server.close()
        cls.dns.stop()

    def submit(self, domain, body):
        self.suite.submit("alice", [f"x@{domain}"], message("alice@example.test", f"x@{domain}", domain, body))

    def failure(self, domain):
        """What relay said of the recipient there."""
        return wait_until(lambda: next((line for line in list(self.suite.lines) if f"to=x@{domain} " in line and "relay_failed" in line), None),
                          20, f"a failure of {domain}")

    def arrives(self, host, domain, body):
        server = self.servers[host]
        before = len(server.messages)
        self.submit(domain, body)
        wait_until(lambda: len(server.messages) > before, 20, f"the message of {domain}\n{self.suite.log()[-2000:]}")
        wait_until(lambda: any("event=relayed" in line and f"to=x@{domain} " in line for line in list(self.suite.lines)), 20, "its end")

    def waits(self, domain, body, status="4.4.1"):
        self.submit(domain, body)
        line = self.failure(domain)
        self.assertIn(f"status={status}", line)
        self.assertEqual([e["recipient"] for e in self.suite.queue() if e["recipient"] == f"x@{domain}"], [f"x@{domain}"])
        return line

    def comes_back(self, domain, body, status):
        self.submit(domain, body)
        line = self.failure(domain)
        self.assertIn(f"status={status}", line)
        wait_until(lambda: [b for b in self.suite.bodies("alice") if f"x@{domain}".encode() in b and f"Status: {status}".encode() in b],
                   20, "the report")
        return line

    def test_8_bit_goes_to_the_host_that_takes_it(self):
        self.arrives(WIDE, "other.test", EIGHT)
        self.assertFalse([m for m in self.servers[PLAIN].messages if EIGHT.encode() in m])

    def test_a_large_message_goes_to_the_host_that_takes_it(self):
        self.arrives(WIDE, "smaller.test", LARGE)

    def test_a_kept_connection_is_not_used_for_what_its_server_does_not_take(self):
        self.arrives(PLAIN, "kept.test", "hello\r\n")
        self.arrives(WIDE, "kept.test", EIGHT)

    def test_what_no_host_takes_comes_back(self):
        self.assertIn("nor do the others", self.comes_back("none.test", EIGHT, "5.6.3"))

    def test_what_each_host_lacks_something_for_comes_back(self):
        self.assertIn("nor do the others", self.comes_back("both.test", "ü" + LARGE, "5.3.4"))

    def test_what_the_only_host_does_not_take_comes_back(self):
        self.assertNotIn("others", self.comes_back("one.test", EIGHT, "5.6.3"))

    def test_an_address_that_does_not_answer_is_no_other_host(self):
        self.comes_back("twice.test", EIGHT, "5.6.3")

    def test_a_host_that_cannot_be_asked_now_may_take_it_later(self):
        for domain in ("away.test", "later.test"):
            with self.subTest(domain):
                line = self.waits(domain, EIGHT)
                self.assertIn("8-bit octets", line)
                self.assertIn("refused", line)
        self.assertIn("8-bit octets", self.waits("unknown.test", EIGHT))

    def test_a_domain_whose_host_does_not_exist_takes_no_mail(self):
        self.assertIn("gone.test:", self.comes_back("gone.test", "hello\r\n", "5.1.2"))

    def test_mail_waits_for_a_host_of_the_configuration_that_does_not_exist(self):
        self.assertIn("nowhere.smart.test:", self.waits("named.test", "hello\r\n", "4.3.5"))


if __name__ == "__main__":
    unittest.main()
