// Who wrote, and who waits for an answer.

import { age, all, fill, h, timeOf } from "./lib.js";

export async function open(main) {
  const found = await all("/v1/conversations?limit=100", 300);
  const waiting = found.filter((one) => one.waits_since);
  const rest = found.filter((one) => !one.waits_since);
  const row = (one) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${one.shipment_id}` }, h("span", { class: "number" }, one.tracking_number), one.waits_since ? ` waits for ${age(one.waits_since)}` : " answered"), h("span", { class: "small" }, timeOf(one.last_at)));
  fill(main, h("section", { class: "card" }, h("h1", {}, waiting.length ? `${waiting.length} ${waiting.length === 1 ? "waits" : "wait"} for an answer` : "Nobody waits for an answer"), h("ul", { class: "rows" }, ...waiting.map(row), ...rest.map(row)), found.length ? null : h("p", { class: "empty" }, "Recipients can write on their tracking page; what they write to you stands here.")));
}
