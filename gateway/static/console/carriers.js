// How the connectors fare, for who runs the gateway.

import { api, fill, h, table, timeOf } from "./lib.js";

export async function open(main) {
  const { data } = await api("GET", "/v1/health/connectors");
  const rate = (one) => (one.shipments ? `${Math.round((100 * one.shipments_failing) / one.shipments)} %` : "");
  fill(main, h("section", { class: "card" }, h("h1", {}, "Connectors in use"), h("p", { class: "small" }, "No parcel and nobody's data stands here. /metrics has breakers and limits by account."), table(["Connector", "Proof", "Accounts", "Parcels", "Failing", "Last asked", "Last pushed", "Payloads today", "Unreadable", "Unlisted codes"], data.map((one) => [
    one.name, one.proof_level, one.accounts_rejected ? h("span", {}, String(one.accounts_active), " ", h("span", { class: "chip bad" }, `${one.accounts_rejected} rejected`)) : String(one.accounts_active), String(one.shipments), rate(one), timeOf(one.polled_at), timeOf(one.pushed_at), String(one.payloads_today), one.unreadable_today ? h("span", { class: "chip bad" }, String(one.unreadable_today)) : "0", String(one.unlisted_codes)]), "No connector is in use yet: make a merchant, give it an account, register a parcel.")));
}
