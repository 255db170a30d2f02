"""Whether a bot is what was deployed."""

from __future__ import annotations

from risk.verdict import Refusal


def build_identity(deployed: str, running: str) -> Refusal | None:
    """A bot runs the code and the configuration that the fleet has deployed, and no other.

    One of eight machines with last year's code is how Knight Capital lost 460 million dollars in 45 minutes (SEC
    release 34-70694). Both identities come from ``config.identity``.
    """
    if deployed == running:
        return None
    return Refusal(
        detail="its code or its settings are not those that are deployed", limit=deployed, value=running
    )
