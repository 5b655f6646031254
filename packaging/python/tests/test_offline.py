"""What needs no server."""

import io
import os
import ssl
import tempfile
import unittest
import urllib.error

from senhasegura import A2A, Response, a2a, gcm, oauth1
from senhasegura.exceptions import APIError, AuthenticationError, DecryptionError


class Signature(unittest.TestCase):
    def test_known_example(self):
        """The example of OAuth Core 1.0, appendix A.5, with HMAC-SHA1."""
        h = oauth1.header("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", "",
                          ("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"), "HMAC-SHA1", "kllo9940pd9333jh", 1191242096)
        self.assertIn('oauth_signature="tR3%2BTy81lMeYAr%2FFid0kMTYa%2FWM%3D"', h)


class Arguments(unittest.TestCase):
    def test_refused(self):
        for bad in (dict(base_url="http://a", client_id="i", client_secret="s"), dict(base_url="https://a"), dict(base_url="https://a", client_id="i", client_secret="s", auth_method="basic"),
                    dict(base_url="https://a", auth_method="oauth1", consumer_key="k"), dict(base_url=[], client_id="i", client_secret="s")):
            with self.assertRaises(ValueError):
                A2A(**bad)

    def test_nothing_shows_a_secret(self):
        c = A2A("https://a", "id", "hidden-secret")
        self.assertNotIn("hidden", repr(c) + str(c))
        self.assertNotIn("hidden", repr(Response(200, {}, b"hidden")))


class Sealed(unittest.TestCase):
    def test_gcm(self):
        """Test case 16 of the GCM specification, and the same with one bit turned."""
        key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
        nonce, tag = bytes.fromhex("cafebabefacedbaddecaf888"), bytes.fromhex("76fc6ece0f4e1768cddf8853bb2d551b")
        box = bytes.fromhex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662")
        aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        self.assertEqual(gcm.open(key, nonce, box, tag, aad).hex(),
                         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        for bad in ((key, nonce, bytes([box[0] ^ 1]) + box[1:], tag, aad), (key, nonce, box, tag, aad[1:]), (key, nonce, box, tag[:-1], aad), (key[:16], nonce, box, tag, aad)):
            with self.assertRaises(ValueError):
                gcm.open(*bad)

    def test_keys_refused(self):
        with self.assertRaises(DecryptionError):
            A2A("https://a", "i", "s").decrypt("abc")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "k.pem")
            for text, mode, why in (("", 0o600, "no RSA key"), ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", 0o600, "no RSA key"), ("", 0o640, "chmod 600")):
                with open(path, "w") as f:
                    f.write(text)
                os.chmod(path, mode)
                with self.assertRaisesRegex(ValueError, why):
                    A2A("https://a", "i", "s", private_key=path)


class Node:
    """An opener, for nodes that are not there."""

    def __init__(self, answers):
        self.answers = iter(answers)

    def open(self, request, timeout):
        raise next(self.answers)


class Errors(unittest.TestCase):
    def test_what_tells_most(self):
        """A node that is not there does not hide what another one said, nor that nobody proved who he is."""
        off = urllib.error.URLError(OSError("refused"))
        untrusted = a2a._Unreached("x")
        untrusted.cause = ssl.SSLCertVerificationError("self-signed")
        busy = urllib.error.HTTPError("https://a", 503, "", {}, io.BytesIO(b'{"detail":"no majority"}'))
        for answers, error, why in (
            ([busy, off], APIError, "no majority"),
            ([urllib.error.URLError(untrusted), off], ConnectionError, "cofre cluster ca"),
            ([off, off], ConnectionError, "b does not answer: refused"),
        ):
            client = A2A(["https://a", "https://b"], "i", "s")
            client._opener = Node(answers)
            with self.assertRaisesRegex(error, why):
                client.get_password("web1-root")

    def test_shapes(self):
        for status, body, message, code in (
            (400, b'{"response":{"message":"1007: Credential not found"},"exception":{"code":1007}}', "1007: Credential not found", 1007),
            (403, b'{"error":"invalid_request","error_description":"no"}', "no", None),
            (422, b'{"detail":"bad","code":7}', "bad", 7),
            (500, b"<html>", "the answer is no JSON", None),
            (500, b"[]", "the answer is no JSON", None),
        ):
            with self.assertRaises(APIError) as e:
                Response(status, {}, body).raise_for_status()
            self.assertEqual((e.exception.status_code, e.exception.message, e.exception.code), (status, message, code))
        with self.assertRaises(AuthenticationError):
            Response(401, {}, b"{}").raise_for_status()


if __name__ == "__main__":
    unittest.main()
