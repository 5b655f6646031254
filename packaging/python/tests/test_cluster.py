"""Against three nodes; cmd/cofre/e2e sets the environment."""

import os
import unittest

from senhasegura import A2A
from senhasegura.exceptions import APIError, AuthenticationError, DecryptionError

E = os.environ.get
NODES = E("COFRE_TEST_NODES", "").split(",")


def client(**more):
    return A2A(**{**dict(base_url=NODES, client_id=E("COFRE_TEST_ID"), client_secret=E("COFRE_TEST_SECRET"), verify=E("COFRE_TEST_CA")), **more})


@unittest.skipUnless(E("COFRE_TEST_NODES"), "no cluster")
class Cluster(unittest.TestCase):
    def setUp(self):
        self.c = client()

    def test_password_and_custody(self):
        self.assertEqual(self.c.get_password("py-root"), "it's \"ü\"")
        self.c.release_custody("py-root")
        with self.assertRaises(APIError) as e:
            self.c.release_custody("py-root")
        self.assertEqual((e.exception.status_code, e.exception.code), (400, 1018))

    def test_specification(self):
        """What the specification's examples do."""
        made = self.c.post("/api/pam/credential", json={"identifier": "py-new", "username": "svc", "password": "SecurePass123!", "hostname": "py-host"})
        self.assertIn(made.status_code, (200, 201))
        number = made.json()["response"]["credential"]["id"]
        r = self.c.get("/iso/coe/senha", params={"credentialId": number})
        self.assertEqual(r.json()["response"]["credential"]["password"], "SecurePass123!")
        rows = self.c.get("/api/pam/credential").json()["response"]["credentials"]
        self.assertIn("svc@py-host", ["%s@%s" % (c["username"], c["hostname"]) for c in rows])
        self.assertTrue(self.c.put("/api/pam/credential/" + number, json={"additional_info": "x"}).ok)
        self.assertTrue(self.c.delete("/iso/pam/credential/custody/" + number).ok)
        with self.assertRaises(APIError) as e:
            self.c.get("/api/pam/credential/999999").raise_for_status()
        self.assertEqual(e.exception.code, 1007)

    def test_bad_keys(self):
        with self.assertRaises(AuthenticationError):
            client(client_secret="wrong").get("/api/pam/credential")

    def test_a_dead_node(self):
        c = client(base_url=["https://127.0.0.1:1"] + NODES)
        self.assertTrue(c.get("/api/pam/credential").ok)
        self.assertTrue(c.post("/iso/pam/credential", data={"identifier": "py-form", "username": "f", "content": "a&b=ü", "hostname": "py-host"}).ok)
        self.assertEqual(c.get_password("py-form"), "a&b=ü")
        with self.assertRaises(ConnectionError):
            client(base_url="https://127.0.0.1:1").get("/api/pam/credential")
        for dead in ("https://127.0.0.1:1", "https://no-such-host.invalid"):  # nothing was sent, so the next node gets it, whatever it is
            c = A2A([dead] + NODES, auth_method="oauth1", consumer_key=E("COFRE_TEST_CONSUMER"), consumer_secret=E("COFRE_TEST_CONSUMER_SECRET"), token_key=E("COFRE_TEST_TOKEN"),
                    token_secret=E("COFRE_TEST_TOKEN_SECRET"), verify=E("COFRE_TEST_CA"))
            self.assertTrue(c.post("/iso/pam/credential", data={"identifier": "py-dead", "username": "d", "content": "x", "hostname": "py-host"}).ok)

    def test_encrypted_answers(self):
        """Of an authorization with a public key: a short value, and one that is too long for RSA alone."""
        keys = dict(client_id=E("COFRE_TEST_SEALED_ID"), client_secret=E("COFRE_TEST_SEALED_SECRET"))
        c = client(**keys, private_key=E("COFRE_TEST_PRIVATE"))
        self.assertEqual(c.get_password("py-root"), "it's \"ü\"")
        self.assertEqual(c.get_password("py-long"), "ü" * 500)
        answer = c.get("/iso/coe/senha", params={"credentialId": "py-root"})
        raw = answer.json()["response"]["credential"]["password"]
        self.assertNotIn("it's", answer.text)
        self.assertEqual(c.decrypt(raw), "it's \"ü\"")
        for bad in ("", "plain", raw[:-4] + "AAA=", raw[4:], "eyJ.a.b.c.d", "....", "%"):
            with self.assertRaises(DecryptionError):
                c.decrypt(bad)
        with self.assertRaises(DecryptionError):
            client(**keys, private_key=E("COFRE_TEST_OTHER_PRIVATE")).get_password("py-root")
        with self.assertRaisesRegex(DecryptionError, "private_key="):
            client(**keys).get_password("py-root")
        self.assertEqual(client(private_key=E("COFRE_TEST_PRIVATE")).get_password("py-root"), "it's \"ü\"")  # that is not encrypted

    def test_certificate(self):
        with self.assertRaises(ConnectionError):
            client(verify=True).get("/api/pam/credential")

    def test_oauth1_on_every_node(self):
        for method in ("HMAC-SHA1", "HMAC-SHA256"):
            for node in NODES:
                c = A2A(node, auth_method="oauth1", consumer_key=E("COFRE_TEST_CONSUMER"), consumer_secret=E("COFRE_TEST_CONSUMER_SECRET"), token_key=E("COFRE_TEST_TOKEN"),
                        token_secret=E("COFRE_TEST_TOKEN_SECRET"), verify=E("COFRE_TEST_CA"), signature_method=method)
                self.assertEqual(c.get_password("py-root"), "it's \"ü\"")
                self.assertTrue(c.post("/iso/pam/credential", data={"identifier": "py-root", "username": "root", "additional": "a b+c&d", "hostname": "py-host"}).ok)


if __name__ == "__main__":
    unittest.main()
