// Every courier out now: on one map and in a list beside it, the late ones first, each a click from their run.

import { ago, all, api, fill, h, plural, skeleton, who } from "./lib.js";
import { go } from "./app.js";

const EVERY = 15000;

export const home = (one) => (one.run_id ? `/console/runs/${one.run_id}` : `/console/shipments/${one.shipments[0].id}`);

export const name = (one) => [one.courier ?? "Courier", one.vehicle].filter(Boolean).join(", ");

// What the map shows of couriers: a place each, which leads to `home`.
export function spots(couriers) {
  const seen = couriers.filter((one) => one.position);
  const places = seen.map((one) => ({ ...one.position, kind: "courier", late: one.late > 0, stale: one.stale, name: `${name(one)}, ${plural(one.shipments.length, "parcel")}${one.late ? `, ${one.late} late` : ""}`, choose: () => go(home(one)) }));
  return { position: null, door: null, places, lines: false, tiles: who.tiles.tiles, attribution: who.tiles.attribution, words: { courier: "Courier", door: "", place: "Courier", zoom_in: "Zoom in", zoom_out: "Zoom out" } };
}

export async function open(main) {
  const said = h("p", { class: "small" });
  const place = h("div", { class: "map tall", role: "group", "aria-label": "A map with the couriers; the list beneath says the same" });
  const out = h("ul", { class: "rows", "aria-label": "Out now" });
  const runs = h("ul", { class: "rows", "aria-label": "Runs of today" });
  let map = null;
  fill(main, h("section", { class: "card" }, h("h1", {}, "Fleet"), said, place), h("section", { class: "card" }, h("h2", {}, "Out now"), out, skeleton()), h("section", { class: "card" }, h("h2", {}, "Runs of today"), runs));
  const { open: draw } = await import("../map.js");

  async function look() {
    const now = new Date();
    const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    const [couriers, today] = await Promise.all([api("GET", "/v1/fleet").then((page) => page.data), all(`/v1/runs?limit=100&day=${day}`, 300)]);
    main.querySelector(".skeleton")?.remove();
    said.textContent = `${plural(couriers.length, "courier")} out, ${couriers.filter((one) => one.position).length} seen on the map, ${couriers.filter((one) => one.late).length} late. It looks again every 15 seconds.`;
    const shown = spots(couriers);
    if (map === null) place.hidden = shown.places.length === 0;
    if (!place.hidden) map = draw(place, shown, map);
    keep(out, couriers.length ? couriers.map(row) : [h("li", { class: "empty" }, "Nobody is out right now.")]);
    keep(runs, today.length ? today.map(runRow) : [h("li", { class: "empty" }, "No courier of your own is out today.")]);
  }

  await look();
  const timer = setInterval(() => look().catch(() => { said.textContent = "The gateway cannot be reached; what stands here is from before."; }), EVERY);
  return () => clearInterval(timer);
}

// Puts rows in a list, but for those that say the same: the focus stays where it is.
function keep(list, rows) {
  const known = [...list.children];
  list.replaceChildren(...rows.map((made, at) => (known[at]?.outerHTML === made.outerHTML ? known[at] : made)));
}

function row(one) {
  const next = one.shipments[0];
  const where = [one.stops_total === null ? plural(one.shipments.length, "parcel") : `${one.stops_done} of ${plural(one.stops_total, "stop")} done`, one.position ? `seen ${ago(one.position.at)}` : "no position yet"].join(", ");
  return h("li", { class: "work" }, h("a", { href: home(one) }, h("strong", {}, one.courier ?? "Courier"), one.vehicle ? ` ${one.vehicle}` : ""), one.late ? h("span", { class: "chip bad" }, `${one.late} late`) : null, one.stale ? h("span", { class: "chip" }, "silent") : null, h("span", { class: "small" }, where), h("span", { class: "small" }, "next ", h("a", { href: `/console/shipments/${next.id}` }, h("span", { class: "number" }, next.tracking_number))));
}

function runRow(run) {
  return h("li", { class: "work" }, h("a", { href: `/console/runs/${run.id}` }, h("strong", {}, run.courier), ` ${run.vehicle}`), h("progress", { max: run.stops_total || 1, value: run.stops_done, "aria-label": `${run.stops_done} of ${plural(run.stops_total, "stop")} done` }), h("span", { class: "small" }, `${run.stops_done} of ${plural(run.stops_total, "stop")} done`));
}
