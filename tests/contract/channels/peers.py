"""A provider on loopback that does as it is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ipaddress import ip_network

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Peer:
    """A TCP server that reads what comes, and answers with bytes, with silence, or by breaking the connection."""

    def __init__(self) -> None:
        self.answer: bytes | str = b""
        """Bytes, or `hang`, or `reset`."""
        self.heard = b""
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer in HTTP."""
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.answer = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            self.heard = await reader.readuntil(b"\r\n\r\n")
            if self.answer == "hang":
                await reader.read()
            elif self.answer == "reset":
                writer.transport.abort()
            else:
                writer.write(self.answer)
                await writer.drain()
        writer.close()
