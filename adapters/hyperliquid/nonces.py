"""Nonces of one signer: milliseconds that only rise, over restarts too.

The exchange keeps the hundred highest nonces of a signer and takes one that is new, above the smallest of these, and
within (now - 2 days, now + 1 day). Source: Hyperliquid API documentation, "Nonces and API wallets".
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from adapters.clock import Clock
from adapters.errors import ConfigError

BLOCK_MS = 10_000  # reserved at a time, so that the disk is asked once in ten seconds and not once an order


class Nonces:
    """Gives out nonces above all that were ever given out from this file. One process holds the file at a time.

    A process that dies has used no nonce beyond the mark on disk; the next one begins there. It is ahead of the clock
    by ``BLOCK_MS`` at most, which is far inside the exchange's window.

    Args:
        path: a file of the signer's own; made if it is missing.
        clock: for the time.

    Raises:
        ConfigError: another process signs with this key, or the file holds no number.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._last = int(os.pread(self._file, 32, 0) or b"0")
        except OSError:
            os.close(self._file)
            raise ConfigError(f"{path.name}: another process signs with this key") from None
        except ValueError:
            os.close(self._file)
            raise ConfigError(f"{path.name} holds no nonce; is it another file?") from None
        self._reserved = self._last

    def take(self) -> int:
        """The next nonce. Raises ``OSError`` when the disk does not take a new mark: then nothing may be signed."""
        nonce = max(int(self._clock.now().timestamp() * 1000), self._last + 1)
        if nonce > self._reserved:
            self._reserve(nonce + BLOCK_MS)
        self._last = nonce
        return nonce

    def close(self) -> None:
        """Let another process have the file."""
        os.close(self._file)

    def _reserve(self, mark: int) -> None:
        os.pwrite(self._file, b"%032d" % mark, 0)  # always the same length: never torn into a smaller number
        os.fdatasync(self._file)
        self._reserved = mark
