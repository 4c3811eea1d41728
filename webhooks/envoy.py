"""Who brings messages to one endpoint: knows its address, signs, and shows what lets us in. Prepared once, kept."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from yarl import URL

from webhooks.compat import Compat
from webhooks.outcome import Outcome, Target, merged
from webhooks.signing import Signer
from webhooks.tokens import NoTokenError, Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhooks.access import Access
    from webhooks.sender import Sender
    from webhooks.signing import Key

_UNAUTHORIZED = 401


class Envoy:
    """One endpoint's own way of being called.

    Args:
        url: where it is.
        timeout_ms: the deadline for a whole exchange.
        keys: what we sign with.
        access: what else lets us in.
    """

    __slots__ = (
        "_access",
        "_compat",
        "_hidden",
        "_own",
        "_secrets",
        "_signer",
        "_target",
        "_timeout",
        "_tokens",
        "_url",
    )

    def __init__(self, url: str, timeout_ms: int, keys: Sequence[Key], access: Access) -> None:
        self._url = url
        self._timeout = timeout_ms / 1000
        self._signer = Signer(keys)
        self._access = access
        self._target: Target | None = None
        self._own = merged(access.headers)
        self._hidden = frozenset(self._own)
        self._secrets = list(access.headers.values())
        auth = access.auth
        if auth is not None and auth["kind"] == "bearer":
            self._own["authorization"] = f"Bearer {auth['token']}"
            self._secrets.append(auth["token"])
        elif auth is not None and auth["kind"] == "basic":
            pair = base64.b64encode(f"{auth['username']}:{auth['password']}".encode()).decode()
            self._own["authorization"] = f"Basic {pair}"
            self._secrets += [pair, auth["password"]]
        client = access.client
        self._tokens = None if client is None else Tokens(client)
        self._compat = None if access.compat is None else Compat(access.compat, access.compat_secret)

    @property
    def costly(self) -> bool:
        """Tell whether it holds what is dear to get again: a token, a certificate made ready."""
        return self._tokens is not None or self._access.identity is not None

    async def bring(self, sender: Sender, message_id: str, at: int, body: bytes) -> Outcome:
        """Send one message, signed at `at` (epoch ms); return what came of it."""
        if self._target is None:
            identity = self._access.identity
            tls = None if identity is None else sender.trust.context_for(identity)
            self._target = Target(URL(self._url), self._timeout, tls)
        headers = self._signer.headers(message_id, at // 1000, body)
        if self._own:
            headers |= self._own
        if self._compat is not None:
            name, value = self._compat.header(body)
            headers[name] = value
        if self._tokens is None:
            outcome = await sender.post(self._target, headers, body)
            return self._masked(outcome, self._secrets) if self._own else outcome
        return await self._with_token(sender, self._tokens, self._target, headers, body)

    async def _with_token(
        self, sender: Sender, tokens: Tokens, target: Target, headers: dict[str, str], body: bytes
    ) -> Outcome:
        before: Outcome | None = None
        while True:
            try:
                token, fresh = await tokens.get(sender)
            except NoTokenError as trouble:
                return Outcome("ours" if trouble.ours else "token", response=str(trouble), before=before)
            outcome = await sender.post(target, headers | {"authorization": f"Bearer {token}"}, body)
            outcome = self._masked(outcome, [*self._secrets, token])
            if outcome.status != _UNAUTHORIZED:
                return outcome if before is None else outcome._replace(before=before)
            tokens.refused(token)
            if fresh or before is not None:
                return outcome if before is None else outcome._replace(before=before)
            before = outcome  # a token taken back before its time: once more with a new one

    def _masked(self, outcome: Outcome, secrets: Sequence[str]) -> Outcome:
        exchange = outcome.exchange
        if exchange is None:
            return outcome
        exchange.hide(self._hidden, secrets)
        if outcome.status is None:
            return outcome  # what it says are our own words
        return outcome._replace(response=exchange.answer[: len(outcome.response)])
