"""Values that the API encrypted to a client's RSA key ("encrypt sensitive fields"), opened with the standard library alone.

Short values are base64 of RSA-OAEP with SHA-1, longer ones JWE compact (RFC 7516) with RSA-OAEP and A256GCM. The arithmetic
takes a time that depends on what it works on; RSA is blinded. It is meant for a program that reads its own secrets, not for a
service that others may ask to decrypt what they send.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import stat

from . import gcm
from .exceptions import DecryptionError

_RSA = bytes.fromhex("06092a864886f70d0101010500")  # rsaEncryption, no parameters


class PrivateKey:
    """An RSA key in PKCS #8, as `cofre authorization encrypt --private-out` writes it. A file that others may read is refused."""

    def __init__(self, path):
        with open(path, "rb") as f:
            info = os.fstat(f.fileno())
            if os.name == "posix" and (info.st_mode & 0o077 or not stat.S_ISREG(info.st_mode)):
                raise ValueError("others may read the private key: chmod 600 %s" % path)
            text = f.read(64 << 10)
        try:
            body = text.split(b"-----BEGIN PRIVATE KEY-----", 1)[1].split(b"-----END PRIVATE KEY-----", 1)[0]
            outer = _sequence(base64.b64decode(body))
            if outer[1][1] != _RSA:
                raise ValueError
            numbers = [int.from_bytes(v, "big") for _, v in _sequence(outer[2][1])]
            self._n, self._e, self._d = numbers[1:4]
        except (ValueError, IndexError):
            raise ValueError("%s holds no RSA key in PKCS #8" % path) from None
        self._size = (self._n.bit_length() + 7) // 8

    def __repr__(self):
        return "<PrivateKey of %d bits>" % self._n.bit_length()

    def looks_sealed(self, text):
        """Whether a text has the form of a value that was encrypted to a key like this one."""
        if text.count(".") == 4 and text.startswith("eyJ"):
            return True
        try:
            return len(base64.b64decode(text, validate=True)) == self._size
        except (binascii.Error, ValueError):
            return False

    def open(self, text):
        """The value; DecryptionError if it was not encrypted to this key."""
        try:
            plain = self._jwe(text) if text.count(".") == 4 else self._oaep(base64.b64decode(text, validate=True))
            return plain.decode()
        except (ValueError, KeyError, TypeError):  # binascii.Error and UnicodeDecodeError are ValueErrors
            raise DecryptionError("the value was not encrypted to this private key: is it that of the authorization?") from None

    def _jwe(self, text):
        head, key, nonce, box, tag = text.split(".")
        header = json.loads(_url(head))
        if header["alg"] != "RSA-OAEP" or header["enc"] != "A256GCM" or "zip" in header or "crit" in header:
            raise ValueError
        return gcm.open(self._oaep(_url(key)), _url(nonce), _url(box), _url(tag), head.encode())

    def _oaep(self, box):
        """RFC 8017, 7.1.2, with SHA-1 and an empty label."""
        c = int.from_bytes(box, "big")
        if len(box) != self._size or c >= self._n:
            raise ValueError
        blind = secrets.randbelow(self._n - 2) + 2
        m = pow(c * pow(blind, self._e, self._n), self._d, self._n) * pow(blind, -1, self._n) % self._n
        em = m.to_bytes(self._size, "big")
        h = hashlib.sha1().digest_size
        seed = _xor(em[1 : 1 + h], _mask(em[1 + h :], h))
        block = _xor(em[1 + h :], _mask(seed, self._size - h - 1))
        at = block.find(b"\x01", h)
        good = hmac.compare_digest(block[:h], hashlib.sha1().digest())
        if not good or em[0] != 0 or at < 0 or any(block[h:at]):
            raise ValueError
        return block[at + 1 :]


def _mask(seed, length):
    """MGF1 with SHA-1."""
    out = b"".join(hashlib.sha1(seed + i.to_bytes(4, "big")).digest() for i in range(length // 20 + 1))
    return out[:length]


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def _url(text):
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _sequence(der):
    """The members of a DER sequence as (tag, content)."""
    tag, content, rest = _element(der)
    if tag != 0x30 or rest:
        raise ValueError
    out = []
    while content:
        tag, value, content = _element(content)
        out.append((tag, value))
    return out


def _element(der):
    tag, length, at = der[0], der[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(der[2:at], "big")
    if at + length > len(der):
        raise ValueError
    return tag, der[at : at + length], der[at + length :]
