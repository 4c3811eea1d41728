"""Where proofs' bytes lie: a folder, or a bucket of any store that speaks S3. What lies there is sealed already."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
from sqlalchemy.engine import make_url
from yarl import URL

from gateway.db import is_postgres
from gateway.proofs.signing import Signer

_NAME = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")
_SECONDS = 30.0
_GONE = frozenset({204, 404})
_TURNED_AWAY = 404


class PlaceTrouble(Exception):  # noqa: N818 - it names what there is
    """The place cannot be reached or does not do what it is asked: try again later."""


class Place(Protocol):
    """A place for bytes by name."""

    async def put(self, name: str, body: bytes) -> None:
        """Keep bytes; once this returns they are on disk. The same name again replaces them."""

    async def get(self, name: str) -> bytes | None:
        """Return bytes, None where there are none of that name."""

    async def delete(self, name: str) -> None:
        """Delete bytes; it is no trouble where there are none."""

    async def check(self) -> str:
        """Return where it is, without a secret, having found that it can be used. Raises `PlaceTrouble`."""

    async def close(self) -> None:
        """Let go of what is held."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, body: bytes) -> None:
        """Keep bytes: written beside, flushed to the disk, then renamed, so that nobody ever reads a half."""
        await asyncio.to_thread(self._put, self._path(name), body)

    async def get(self, name: str) -> bytes | None:
        """Return bytes."""
        path = self._path(name)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None
        except OSError as trouble:
            raise PlaceTrouble(f"cannot be read: {trouble.strerror}") from None

    async def delete(self, name: str) -> None:
        """Delete bytes."""
        path = self._path(name)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def check(self) -> str:
        """Look whether the folder can be written, or made where there is none yet."""
        there = next(folder for folder in (self._root, *self._root.absolute().parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise PlaceTrouble(f"{self._root} cannot be written")
        return str(self._root)

    async def close(self) -> None:
        """Nothing is held."""

    def _path(self, name: str) -> Path:
        return self._root / _checked(name)

    def _put(self, path: Path, body: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = path.with_suffix(f".{os.getpid()}")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as trouble:
            raise PlaceTrouble(f"cannot be written: {trouble.strerror}") from None


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where a bucket is and with which key it opens."""

    origin: str
    path: str
    signer: Signer


class Bucket:
    """A bucket, addressed by path as every S3-compatible store understands it."""

    def __init__(self, address: BucketAddress) -> None:
        self._address = address
        self._host = urlsplit(address.origin).netloc
        self._session: aiohttp.ClientSession | None = None

    async def put(self, name: str, body: bytes) -> None:
        """Keep bytes."""
        await self._ask("PUT", name, body, frozenset({200}))

    async def get(self, name: str) -> bytes | None:
        """Return bytes."""
        status, body = await self._ask("GET", name, b"", frozenset({200, _TURNED_AWAY}))
        return None if status == _TURNED_AWAY else body

    async def delete(self, name: str) -> None:
        """Delete bytes."""
        await self._ask("DELETE", name, b"", _GONE)

    async def check(self) -> str:
        """Ask for what is not there: a bucket that says so lets us in."""
        await self.get("check")
        return self._address.origin + self._address.path

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, name: str, body: bytes, good: frozenset[int]) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))
        path = f"{self._address.path}/{_checked(name)}"
        headers = self._address.signer.headers(method, path, {"host": self._host}, body, datetime.now(UTC))
        url = URL(self._address.origin + path, encoded=True)
        try:
            sending = self._session.request(method, url, headers=headers, data=body or None, allow_redirects=False)
            async with sending as answer:
                told = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise PlaceTrouble(f"the bucket cannot be reached: {type(trouble).__name__}") from None
        if answer.status not in good:
            raise PlaceTrouble(f"the bucket answers {answer.status}")
        return answer.status, told


def read_address(text: str) -> BucketAddress:
    """Read `s3+https://KEY:SECRET@host/bucket/folder?region=...`. Raises `ValueError` without repeating it."""
    parts = urlsplit(text)
    path = parts.path.rstrip("/")
    if parts.scheme not in ("s3+https", "s3+http") or not parts.hostname:
        raise ValueError("is no folder and no address such as s3+https://KEY:SECRET@host/bucket?region=eu-west-1")
    if not parts.username or not parts.password:
        raise ValueError("names no key: s3+https://KEY:SECRET@host/bucket")
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", path):
        raise ValueError("names no bucket, or one with other characters than letters, digits, dots, dashes")
    query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    if query.keys() - {"region"}:
        raise ValueError("takes no other query than `region`")
    region = query.get("region", ["us-east-1"])[0]
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    signer = Signer(unquote(parts.username), unquote(parts.password), region)
    return BucketAddress(f"{parts.scheme.removeprefix('s3+')}://{host}{port}", path, signer)


def open_place(setting: str, database: str) -> Place:
    """Return the place a setting names; empty, a folder beside a SQLite database, or where the process runs."""
    if setting.startswith("s3+"):
        return Bucket(read_address(setting))
    if setting:
        return Folder(Path(setting))
    beside = "." if is_postgres(database) else make_url(database).database or "."
    return Folder(Path(beside).parent / "proofs")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a name of a proof is made of ids")
    return name
