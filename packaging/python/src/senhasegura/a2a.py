"""The client."""

import http.client
import json as jsonlib
import ssl
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlencode, urlsplit

from . import oauth1
from .exceptions import APIError, AuthenticationError, DecryptionError
from .response import ENCRYPTION, Response
from .sealed import PrivateKey

_FORM = "application/x-www-form-urlencoded"


_CONNECT = 5  # seconds that a node may take to be there: one that is off does not answer at all, and the next one is asked


class _Unreached(OSError):
    """No connection, so nothing was sent."""


class _Connection(http.client.HTTPSConnection):
    def connect(self):
        whole, self.timeout = self.timeout, min(self.timeout, _CONNECT)
        try:
            super().connect()
        except OSError as e:
            unreached = _Unreached(e)
            unreached.cause = e
            raise unreached from None
        self.timeout = whole
        self.sock.settimeout(whole)


class _HTTPS(urllib.request.HTTPSHandler):
    def https_open(self, req):
        return self.do_open(_Connection, req, context=self._context)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token elsewhere."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


class A2A:
    """Calls the API; may be used by several threads.

    base_url: https://host[:port] of the API, or a list of nodes.
    auth_method: "oauth2" with client_id and client_secret, or "oauth1" with consumer and token keys.
    verify: True for the system's authorities, a path of PEM certificates, or False (everybody on the way can then read
    what is sent).
    timeout: seconds for each request.
    private_key: path of the key (PKCS #8 in PEM, readable by its owner only) that the secrets in answers are encrypted to, if
    the authorization has one.
    """

    def __init__(self, base_url, client_id=None, client_secret=None, auth_method="oauth2", consumer_key=None, consumer_secret=None,
                 token_key=None, token_secret=None, verify=True, timeout=35, signature_method="HMAC-SHA256", private_key=None):
        self._nodes = [base_url.rstrip("/")] if isinstance(base_url, str) else [u.rstrip("/") for u in base_url]
        if not self._nodes or not all(u.startswith("https://") for u in self._nodes):
            raise ValueError("base_url begins with https://")
        if auth_method == "oauth2":
            if not client_id or not client_secret:
                raise ValueError("oauth2 needs client_id and client_secret")
        elif auth_method == "oauth1":
            if not all((consumer_key, consumer_secret, token_key, token_secret)):
                raise ValueError("oauth1 needs consumer_key, consumer_secret, token_key and token_secret")
            if signature_method not in ("HMAC-SHA1", "HMAC-SHA256"):
                raise ValueError("signature_method is HMAC-SHA1 or HMAC-SHA256")
        else:
            raise ValueError('auth_method is "oauth2" or "oauth1"')
        self._method, self._client, self._signature_method = auth_method, (client_id, client_secret), signature_method
        self._keys = (consumer_key, consumer_secret, token_key, token_secret)
        self._timeout = timeout
        self._private = None if private_key is None else PrivateKey(private_key)
        try:
            context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        except OSError as e:
            raise ValueError("verify: no certificates can be read from %s: %s" % (verify, e.strerror or e)) from None
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _HTTPS(context=context), _NoRedirect)
        self._lock = threading.Lock()
        self._token, self._expires = None, 0.0

    def __repr__(self):
        return "<A2A %s %s>" % (self._method, ", ".join(self._nodes))

    def get(self, path, params=None):
        return self.request("GET", path, params=params)

    def post(self, path, json=None, data=None, params=None):
        return self.request("POST", path, json=json, data=data, params=params)

    def put(self, path, json=None, data=None, params=None):
        return self.request("PUT", path, json=json, data=data, params=params)

    def delete(self, path, params=None):
        return self.request("DELETE", path, params=params)

    def get_password(self, credential):
        """The password of a credential (number, identifier or user@host); it is in the caller's custody until released."""
        answer = self.get("/iso/coe/senha", params={"credentialId": credential}).raise_for_status()
        try:
            password = answer.json()["response"]["credential"]["password"]
        except (KeyError, TypeError):
            raise APIError(200, "the answer holds no password") from None
        if not answer.headers.get(ENCRYPTION) and not (self._private and password and self._private.looks_sealed(password)):
            return password
        return self.decrypt(password)

    def decrypt(self, value):
        """What a value of an answer says that was encrypted to private_key: get, post and put hand on values as they came."""
        if self._private is None:
            raise DecryptionError("the answer is encrypted to the authorization's key: name its file with private_key=")
        return self._private.open(value)

    def release_custody(self, credential):
        """Ends custody; the API may change the password then."""
        self.delete("/iso/pam/credential/custody/" + quote(str(credential), safe="@")).raise_for_status()

    def request(self, method, path, json=None, data=None, params=None):
        """One request: json is encoded as such, data (a mapping) as a form, params as the query. Returns a Response."""
        if not path.startswith("/"):
            raise ValueError("path begins with /")
        if json is not None and data is not None:
            raise ValueError("either json or data")
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params)
        body, kind = None, None
        if json is not None:
            body, kind = jsonlib.dumps(json).encode(), "application/json"
        elif data is not None:
            body, kind = urlencode(data).encode(), _FORM
        response = self._authorized(method, path, body, kind, renew=False)
        if response.status_code == 401 and self._method == "oauth2":
            response = self._authorized(method, path, body, kind, renew=True)
        if response.status_code == 401:
            response.raise_for_status()
        return response

    def _authorized(self, method, path, body, kind, renew):
        if self._method == "oauth2":
            bearer = "Bearer " + self._access_token(renew)
            return self._send(method, path, body, kind, lambda url: bearer)
        form = body.decode() if kind == _FORM else ""
        return self._send(method, path, body, kind, lambda url: oauth1.header(method, url, form, self._keys, self._signature_method))

    def _access_token(self, renew):
        with self._lock:
            if self._token and not renew and time.monotonic() < self._expires:
                return self._token
            form = urlencode({"grant_type": "client_credentials", "client_id": self._client[0], "client_secret": self._client[1]}).encode()
            response = self._send("POST", "/iso/oauth2/token", form, _FORM, lambda url: None, again=True)
            if response.status_code in (400, 401):
                raise AuthenticationError(response._error()[0])
            answer = response.raise_for_status().json()
            if not isinstance(answer, dict) or not answer.get("access_token"):
                raise AuthenticationError("the answer holds no token")
            self._token = answer["access_token"]
            self._expires = time.monotonic() + max(0, float(answer.get("expires_in", 0)) - 60)
            return self._token

    def _send(self, method, path, body, kind, authorization, again=False):
        """Asks the nodes in turn; a request that may have been carried out goes to no other one, unless it reads."""
        failed = said = untrusted = None
        for i, node in enumerate(list(self._nodes)):
            request = urllib.request.Request(node + path, data=body, method=method)
            if kind:
                request.add_header("Content-Type", kind)
            header = authorization(node + path)
            if header:
                request.add_header("Authorization", header)
            try:
                try:
                    with self._opener.open(request, timeout=self._timeout) as r:
                        response = Response(r.status, r.headers, r.read())
                except urllib.error.HTTPError as e:
                    with e:
                        response = Response(e.code, e.headers, e.read())
            except (OSError, http.client.HTTPException) as e:
                reason = e.reason if isinstance(e, urllib.error.URLError) else e
                why = "%s does not answer: %s" % (urlsplit(node).netloc, reason)
                if isinstance(getattr(reason, "cause", None), ssl.SSLCertVerificationError):
                    untrusted = ConnectionError(why + " (verify names the cluster's authority, which cofre cluster ca prints on a node)")
                failed = ConnectionError(why)
                if not (again or method == "GET" or isinstance(reason, _Unreached)):
                    raise failed from None
                continue
            if response.status_code == 503 and (again or method == "GET") and i + 1 < len(self._nodes):
                said = response
                continue
            if i:  # ask the one that answered first from now on
                self._nodes = self._nodes[i:] + self._nodes[:i]
            return response
        if said:  # tells more than that the others are not there
            return said
        raise untrusted or failed from None
