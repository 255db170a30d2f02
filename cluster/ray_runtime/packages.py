"""A package where Ray's workers find it: Ray drops what no job uses any more, so it is put there again when missing."""

from __future__ import annotations

import asyncio

from ray._private.runtime_env.packaging import package_exists, upload_package_to_gcs


async def working_dir(digest: str, package: bytes) -> str:
    """The URI under which Ray unpacks the package as a worker's working folder."""
    uri = f"gcs://_ray_pkg_{digest[:32]}.zip"
    await asyncio.to_thread(_put, uri, package)
    return uri


def _put(uri: str, package: bytes) -> None:
    if not package_exists(uri):
        upload_package_to_gcs(uri, package)
