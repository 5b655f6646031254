"""Client of the A2A API of Cofre and of compatible vaults."""

from .a2a import A2A
from .response import Response

__all__ = ["A2A", "Response"]
