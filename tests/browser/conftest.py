"""A real browser before a real gateway. Without Chromium these tests are skipped, and say so."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe
from flow.conftest import house, logs, settings  # noqa: F401 - fixtures of the house
from playwright.async_api import async_playwright, expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page, Request, Response

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 860}
expect.set_options(timeout=30_000)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LEFT = "net::ERR_ABORTED"
"""A page that is left ends what it still asked for, and its stream."""
_QUIETLY = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Where Chromium is."""
    named = os.environ.get("CHROMIUM")
    return next((found for name in (named, *_NAMES) if name and (found := shutil.which(name))), None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    path = chromium()
    if path is None:
        pytest.skip("NO CHROMIUM: pages are not looked at; tests/browser/install.sh installs it")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=list(_QUIETLY), chromium_sandbox=False)
        yield opened
        await opened.close()


class Faults:
    """What went wrong on pages: errors of scripts, what the content policy refused, failed requests of the console."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.expected: list[str] = []
        """Parts of lines the browser writes by itself about what a test does on purpose."""

    @property
    def unexpected(self) -> list[str]:
        """What nobody expected."""
        return [line for line in self.said if not any(part in line for part in self.expected)]

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda trouble: self.said.append(f"{page.url}: {trouble}"))
        page.on("console", lambda line: self.said.append(f"{page.url}: {line.text}") if line.type == "error" else None)
        page.on("requestfailed", lambda asked: self._failed(page, asked, asked.failure or ""))
        page.on(
            "response",
            lambda told: self._failed(page, told, f"status of {told.status}") if told.status >= 400 else None,
        )

    def _failed(self, page: Page, asked: Request | Response, why: str) -> None:
        if "/console" in page.url and why != _LEFT:
            self.said.append(f"{page.url}: {asked.url}: {why}")


@pytest.fixture
def faults() -> Faults:
    """What went wrong."""
    return Faults()


@pytest.fixture
async def phone(browser: Browser, faults: Faults) -> AsyncIterator[Any]:
    """Opens pages as on a phone: `await phone(url)`; `width`, `scheme`, `locale`, `scripts` change what it is."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        contexts = []

        async def open_page(
            url: str,
            *,
            size: dict[str, int] = PHONE,
            scheme: str = "light",
            locale: str = "en-GB",
            scripts: bool = True,
        ) -> Page:
            context = await browser.new_context(
                viewport=size,
                color_scheme=scheme,
                locale=locale,
                java_script_enabled=scripts,
                device_scale_factor=1,
                reduced_motion="reduce",
            )
            contexts.append(context)
            page = await context.new_page()
            faults.listen(page)
            await page.goto(url)
            return page

        yield open_page
        for context in contexts:
            await context.close()

    async with opened() as open_page:
        yield open_page
        assert not faults.unexpected


async def serious(page: Page) -> list[str]:
    """What axe finds that is serious or critical."""
    found = await Axe().run(page)
    return [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


async def too_wide(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    width: int = await page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return max(0, width)
