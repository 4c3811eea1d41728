// One run: its stops in order, how each stands, where the courier is, and the courier's page to send again.

import { age, api, complaint, copyable, fill, h, plural, skeleton, timeOf, when } from "./lib.js";
import { spots } from "./fleet.js";

const EVERY = 15000;
const STATES = { open: "not loaded", loaded: "loaded", on_the_way: "on the way", arrived: "at the door", delivered: "delivered", failed: "not possible" };
const TONES = { delivered: "good", failed: "bad", open: "still" };
const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const OVER = ["delivered", "failed"];

export async function open(main, id) {
  const place = h("div", { class: "map", role: "group", "aria-label": "A map with the courier" });
  const card = h("section", { class: "card", hidden: true }, h("h2", {}, "Where the courier is"), place);
  let map = null;
  fill(main, h("section", { class: "card" }, skeleton()), card);

  async function look() {
    const [run, courier] = await Promise.all([api("GET", `/v1/runs/${encodeURIComponent(id)}`), api("GET", "/v1/fleet").then((page) => page.data.find((one) => one.run_id === id))]);
    document.title = `${run.courier}, ${day.format(new Date(run.day))} · Carrier gateway`;
    if (!main.contains(document.activeElement) || main.querySelector(".skeleton")) fill(main, ...drawn(run, courier), card);
    card.hidden = !courier?.position;
    if (courier?.position) map = (await import("../map.js")).open(place, spots([courier]), map);
  }

  try {
    await look();
  } catch (trouble) {
    fill(main, h("section", { class: "card" }, h("h1", {}, trouble.status === 404 ? "There is no such run" : "It cannot be shown"), complaint(trouble), h("p", {}, h("a", { href: "/console/fleet" }, "Back to the fleet"))));
    return undefined;
  }
  const timer = setInterval(() => look().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}

function drawn(run, courier) {
  const late = new Set(courier?.shipments.filter((one) => one.late).map((one) => one.id));
  const seen = courier?.position ? ` Seen ${age(courier.position.at)} ago.` : "";
  return [
    h("section", { class: "card" }, h("p", { class: "small" }, h("a", { href: "/console/fleet" }, "Fleet"), ` · run of ${day.format(new Date(run.day))}`), h("h1", {}, run.courier, run.vehicle ? h("span", { class: "small" }, ` ${run.vehicle}`) : null), h("p", {}, `${run.stops_done} of ${plural(run.stops_total, "stop")} done.${seen}`),
      h("p", { class: "small" }, run.courier_url ? ["The courier's page, until ", timeOf(run.expires_at), ": ", copyable(run.courier_url, "link")] : "The link to the courier's page was ended.")),
    h("section", { class: "card" }, h("h2", {}, "Stops"), run.stops.length ? h("ol", { class: "rows" }, ...run.stops.map((stop) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${stop.shipment_id}` }, h("span", { class: "number" }, stop.tracking_number)), h("span", { class: `status tone-${TONES[stop.state] ?? "move"}` }, STATES[stop.state]), stop.state_since ? h("span", { class: "small" }, timeOf(stop.state_since)) : null, stop.window?.to ? h("span", { class: "small" }, `expected until ${when(stop.window.to)}`) : null, late.has(stop.shipment_id) && !OVER.includes(stop.state) ? h("span", { class: "chip bad" }, "late") : null))) : h("p", { class: "empty" }, "It has no stops yet.")),
  ];
}
