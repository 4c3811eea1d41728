"""A merchant's first day: accounts, an endpoint, parcels, a shop's page, and who wants to hear of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors import connector
from gateway.demo.shop import Ordered
from gateway.demo.wires import WIRES

if TYPE_CHECKING:
    from gateway.demo.hub import Hub
    from gateway.demo.merchant import SampleMerchant
    from gateway.demo.recipient import Recipient
    from gateway.demo.shop import SampleShop
    from gateway.demo.world import World


@dataclass(slots=True)
class FirstDay:
    """What a merchant sets up, by the public API. `ids` and `pages` are known by tracking number afterwards."""

    hub: Hub
    world: World
    ids: dict[str, str] = field(default_factory=dict)
    """The gateway's ids of the shipments."""
    pages: dict[str, str] = field(default_factory=dict)
    """The addresses of the tracking pages."""

    async def begin(self, merchant: SampleMerchant, recipient: Recipient | None, shop: SampleShop | None) -> None:
        """Do it all. Raises `CallFailed`."""
        await self._open_accounts()
        endpoint = await self.hub.call("POST", "/v1/endpoints", {"url": merchant.url, "ordering": "strict"})
        merchant.secret = endpoint["secret"]
        await self._register()
        if shop is not None:
            await self._open_shop(shop)
        if recipient is not None:
            await self._subscribe(recipient)

    async def _open_accounts(self) -> None:
        for code in dict.fromkeys(parcel.carrier for parcel in self.world.cast):
            if secrets := dict(WIRES[code].secrets):
                account = await self.hub.call("POST", "/v1/accounts", {"carrier": code, "secrets": secrets})
                if account["push_url"] is not None:
                    self.world.callbacks[code] = account["push_url"]

    async def _register(self) -> None:
        for parcel in self.world.cast:
            place = parcel.beats[-1].place
            wish = {"tracking_number": parcel.number, "carrier": parcel.carrier, "direction": parcel.direction}
            goes_to = {name: getattr(place, name) for name in ("city", "postal_code", "country")}
            made = await self.hub.call("POST", "/v1/shipments", {**wish, "destination": goes_to})
            self.ids[parcel.number] = made["id"]
            self.pages[parcel.number] = made["tracking_url"]

    async def _open_shop(self, shop: SampleShop) -> None:
        """Give the shop's pages their key and their parcels."""
        wish = {"role": "storefront", "name": "sample shop", "origins": [shop.origin]}
        shop.key = (await self.hub.call("POST", "/v1/keys", wish))["key"]
        names = {parcel.number: connector(parcel.carrier).facts.name for parcel in self.world.cast}
        shop.orders = [Ordered(f"{number} ({names[number]})", url) for number, url in self.pages.items()]

    async def _subscribe(self, recipient: Recipient) -> None:
        """Set the channels up, and tell what the recipient wishes to hear of the parcels that say so."""
        for account in recipient.accounts():
            recipient.take(await self.hub.call("POST", "/v1/channels", account))
        for parcel in self.world.cast:
            for told in recipient.wishes() if parcel.hears else ():
                await self.hub.call("POST", f"/v1/shipments/{self.ids[parcel.number]}/subscriptions", told)
