// How the connectors fare: all of them for who runs the gateway, their own for a merchant's people.

import { api, complaint, fill, h, staff, table, timeOf } from "./lib.js";

export async function open(main) {
  try {
    await draw(main);
  } catch (trouble) {
    fill(main, h("section", { class: "card" }, h("h1", {}, "Connectors in use"), complaint(trouble)));
  }
}

async function draw(main) {
  const { data } = await api("GET", "/v1/health/connectors");
  const percent = (part) => `${Math.round(100 * part)} %`;
  const bad = (text) => h("span", { class: "chip bad" }, text);
  const accounts = (one) => h("span", {}, String(one.accounts_active), one.accounts_rejected ? [" ", bad(`${one.accounts_rejected} rejected`)] : null, one.breakers_open ? [" ", bad(`${one.breakers_open} resting`)] : null);
  fill(main, h("section", { class: "card" }, h("h1", {}, "Connectors in use"), h("p", { class: "small" }, staff ? "Yours alone. “Resting”: too many questions in a row failed, so the carrier is left alone for a while." : "No parcel and nobody's data stands here. “Resting”: too many questions in a row failed, so the carrier is left alone for a while."), table(["Connector", "Proof", "Accounts", "Parcels", "Failing", "Last answer", "Last asked", "Last push", "Of the day's limit", "Payloads today", "Unreadable", "Unlisted codes"], data.map((one) => [
    one.name, one.proof_level, accounts(one), String(one.shipments), one.shipments ? percent(one.shipments_failing / one.shipments) : "", timeOf(one.answered_at), timeOf(one.polled_at), timeOf(one.pushed_at), one.limit_used === null ? "" : percent(one.limit_used), String(one.payloads_today), one.unreadable_today ? bad(String(one.unreadable_today)) : "0", String(one.unlisted_codes)]), staff ? "No connector is in use yet: add an account, register a parcel." : "No connector is in use yet: make a merchant, give it an account, register a parcel.")));
}
