"""Signatures of OAuth 1.0 (RFC 5849)."""

import base64
import hashlib
import hmac
import secrets
import time
from urllib.parse import parse_qsl, quote, urlsplit

_HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


def _percent(text):
    return quote(text, safe="-._~")


def header(method, url, form, keys, signature_method="HMAC-SHA256", nonce=None, timestamp=None):
    """The Authorization header for a request.

    url is absolute, with its query; form is the body if it is a form, else ""; keys are consumer key and secret, token key
    and secret. nonce and timestamp are drawn unless given.
    """
    consumer_key, consumer_secret, token_key, token_secret = keys
    parameters = [
        ("oauth_consumer_key", consumer_key),
        ("oauth_nonce", nonce or secrets.token_hex(16)),
        ("oauth_signature_method", signature_method),
        ("oauth_timestamp", str(int(time.time()) if timestamp is None else timestamp)),
        ("oauth_token", token_key),
        ("oauth_version", "1.0"),
    ]
    parts = urlsplit(url)
    host = parts.hostname + (":%d" % parts.port if parts.port not in (None, 443) else "")
    sent = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(form, keep_blank_values=True)
    pairs = sorted((_percent(k), _percent(v)) for k, v in parameters + sent)
    base = "&".join(
        _percent(part)
        for part in (method.upper(), "%s://%s%s" % (parts.scheme, host, parts.path), "&".join("%s=%s" % p for p in pairs))
    )
    key = "%s&%s" % (_percent(consumer_secret), _percent(token_secret))
    digest = hmac.new(key.encode(), base.encode(), _HASHES[signature_method]).digest()
    parameters.append(("oauth_signature", base64.b64encode(digest).decode()))
    return "OAuth " + ", ".join('%s="%s"' % (_percent(k), _percent(v)) for k, v in parameters)
