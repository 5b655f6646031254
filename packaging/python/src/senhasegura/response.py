"""An answer of the API."""

import json

from .exceptions import APIError, AuthenticationError

ENCRYPTION = "X-Cofre-Encryption"  # says that the secrets of an answer are encrypted, and how


class Response:
    """status_code (int), headers (case-insensitive get), content (bytes), text (str)."""

    def __init__(self, status_code, headers, content):
        self.status_code = status_code
        self.headers = headers
        self.content = content

    def __repr__(self):
        return "<Response [%d]>" % self.status_code  # never the content: it may hold a secret

    @property
    def ok(self):
        return self.status_code < 400

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")

    def json(self):
        """The decoded body; ValueError if it is no JSON."""
        return json.loads(self.content)

    def raise_for_status(self):
        """AuthenticationError for 401, APIError for other errors; otherwise the response itself."""
        if self.ok:
            return self
        message, code = self._error()
        if self.status_code == 401:
            raise AuthenticationError(message)
        raise APIError(self.status_code, message, code)

    def _error(self):
        """Message and number, in any of the shapes that errors have: envelope, OAuth, problem."""
        try:
            body = self.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return "the answer is no JSON", None
        response = body.get("response") if isinstance(body.get("response"), dict) else {}
        exception = body.get("exception") if isinstance(body.get("exception"), dict) else {}
        message = response.get("message") or body.get("error_description") or body.get("detail") or body.get("message") or "no message"
        return str(message), exception.get("code", body.get("code") if "detail" in body else None)
