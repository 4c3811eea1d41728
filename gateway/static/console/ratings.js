// What recipients say of deliveries, the low ones first to be answered.

import { all, fill, h, timeOf } from "./lib.js";

export async function open(main, _, query) {
  const low = query.get("low") !== "false";
  const found = await all(`/v1/ratings?limit=100${low ? "&low=true&answered=false" : ""}`, 300);
  fill(main, h("section", { class: "card" }, h("header", { class: "row spread" }, h("h1", {}, low ? "Low ratings nobody answered" : "All ratings"), h("a", { class: "button-2", href: low ? "/console/ratings?low=false" : "/console/ratings" }, low ? "Show all" : "Only low ones")),
    found.length ? h("ul", { class: "rows" }, ...found.map((one) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${one.shipment_id}` }, h("span", { role: "img", "aria-label": `${one.stars} of 5 stars` }, "★".repeat(one.stars) + "☆".repeat(5 - one.stars)), " ", one.text ?? ""), h("span", { class: "small" }, one.reasons.map((why) => why.replaceAll("_", " ")).join(", ")), h("span", { class: "small" }, one.carrier, " ", timeOf(one.at))))) : h("p", { class: "empty" }, low ? "Nobody is unhappy. That is good." : "Nobody has rated a delivery yet.")));
}
