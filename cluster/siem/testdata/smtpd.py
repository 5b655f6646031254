"""A mail server on loopback for the tests, by Debian's aiosmtpd: TLS, a login, and a Maildir.

smtpd.py DIR PORT CERT KEY (starttls|tls) USER PASSWORD
Mail to gone@ is refused for good; to full@ until the file DIR.room is there.
"""
import os
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult, SMTP

folder, port, cert, key, mode, user, password = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)


def login(server, session, envelope, mechanism, data):
    good = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=good, handled=False)


class Box(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("full@") and not os.path.exists(folder + ".room"):
            return "452 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class Server(Controller):
    def factory(self):
        starttls = context if mode == "starttls" else None
        return SMTP(self.handler, hostname="mail.test", tls_context=starttls, require_starttls=starttls is not None,
                    auth_required=True, auth_require_tls=starttls is not None, authenticator=login)


Server(Box(folder), hostname="127.0.0.1", port=int(port), ssl_context=context if mode == "tls" else None).start()
threading.Event().wait()
