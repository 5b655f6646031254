"""What needs no server."""

import unittest

from senhasegura import A2A, Response, oauth1
from senhasegura.exceptions import APIError, AuthenticationError


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


class Errors(unittest.TestCase):
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
