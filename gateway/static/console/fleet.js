// Every courier out now: on one map, with how far they are and who is late.

import { age, all, api, fill, h, skeleton, who } from "./lib.js";

export async function open(main) {
  fill(main, h("section", { class: "card" }, h("h1", {}, "Fleet"), skeleton()));
  let timer = null;

  async function look() {
    const day = new Date().toISOString().slice(0, 10);
    const runs = (await all("/v1/runs?limit=100", 200)).filter((run) => run.day === day);
    const out = (await api("GET", "/v1/shipments?status=out_for_delivery&limit=100")).data;
    const seen = (await Promise.all(out.slice(0, 60).map((one) => api("GET", `/v1/shipments/${one.id}/position`).then((courier) => ({ one, courier })).catch(() => null)))).filter((found) => found?.courier.position);
    draw(runs, out, seen);
  }

  function draw(runs, out, seen) {
    const places = new Map(seen.map(({ one, courier }) => [one.id, courier.position]));
    const where = (one) => {
      const place = places.get(one.id);
      const stops = place?.stops_before ?? one.stops_before;
      return [stops === null || stops === undefined ? "" : `${stops} ${stops === 1 ? "stop" : "stops"} before`, place ? `seen ${age(place.at)} ago` : ""].filter(Boolean).join(", ");
    };
    const late = (one) => one.trouble?.some((trouble) => trouble.kind.startsWith("promise"));
    fill(main, h("section", { class: "card" }, h("h1", {}, "Fleet"), h("p", { class: "small" }, `${seen.length} of ${out.length} parcels that are out are seen on the map. It looks again every 15 seconds.`), h("div", { class: "map tall", role: "group", "aria-label": "A map with the couriers; the list beneath says the same" })),
      h("section", { class: "card" }, h("h2", {}, "Out now"), out.length ? h("ul", { class: "rows" }, ...out.map((one) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${one.id}` }, h("span", { class: "number" }, one.tracking_number), " ", one.courier ?? ""), late(one) ? h("span", { class: "chip bad" }, "late") : null, h("span", { class: "small" }, where(one))))) : h("p", { class: "empty" }, "Nobody is out right now.")),
      h("section", { class: "card" }, h("h2", {}, "Runs of today"), runs.length ? h("ul", { class: "rows" }, ...runs.map((run) => h("li", { class: "work" }, h("span", {}, h("strong", {}, run.courier), ` ${run.vehicle}`), h("progress", { max: run.stops_total || 1, value: run.stops_done, "aria-label": `${run.stops_done} of ${run.stops_total} stops done` }), h("span", { class: "small" }, `${run.stops_done} of ${run.stops_total} stops`)))) : h("p", { class: "empty" }, "No courier of your own is out today.")));
    import("../map.js").then((module) => {
      module.open(main.querySelector(".map"), { position: null, door: null, places: seen.map(({ one, courier }) => ({ ...courier.position, name: `${one.courier ?? "Courier"}, ${one.tracking_number}` })), lines: false, tiles: who.tiles.tiles, attribution: who.tiles.attribution, words: { courier: "Courier", door: "", place: "Courier", zoom_in: "Zoom in", zoom_out: "Zoom out" } }, null);
    });
  }

  await look();
  timer = setInterval(() => look().catch(() => {}), 15000);
  return () => clearInterval(timer);
}
