"""What calls raise. No message holds a key, a token or a password."""


class SenhaseguraError(Exception):
    """Anything that this package raises about an answer of the API."""


class AuthenticationError(SenhaseguraError):
    """The keys or the token are not good, or the authorization is not active."""


class DecryptionError(SenhaseguraError):
    """A value is encrypted, and there is no key for it or another one."""


class APIError(SenhaseguraError):
    """The API answered with an error.

    status_code is that of HTTP; message is for people; code is the vendor's number, None if there is none.
    """

    def __init__(self, status_code, message, code=None):
        super().__init__("%d: %s" % (status_code, message))
        self.status_code = status_code
        self.message = message
        self.code = code
