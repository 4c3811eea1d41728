// One order: its lines, its parcels there and back, what it has come to.

import { api, complaint, copyable, fill, h, statusWords, timeOf } from "./lib.js";

export async function open(main, id) {
  try {
    const one = await api("GET", `/v1/orders/${encodeURIComponent(id)}`);
    fill(main, h("article", { class: "shipment" },
      h("header", { class: "card" }, h("p", { class: "small" }, "Order"), h("h1", {}, copyable(one.order_number)), h("p", { class: "lead" }, statusWords(one.status, one.substatus), one.status_since ? h("span", { class: "small" }, " since ", timeOf(one.status_since)) : null)),
      h("section", { class: "card" }, h("h2", {}, "Parcels"), one.shipments.length ? h("ul", { class: "rows" }, ...one.shipments.map((of) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${of.id}` }, of.direction === "return" ? "Return " : "", h("span", { class: "number" }, of.tracking_number)), h("span", {}, statusWords(of.status, of.substatus)), h("span", { class: "small" }, of.carrier)))) : h("p", { class: "empty" }, "No parcel yet.")),
      one.returns.length ? h("section", { class: "card" }, h("h2", {}, "Returns"), h("ul", {}, ...one.returns.map((of) => h("li", {}, statusWords(of.status, of.substatus), " since ", timeOf(of.since), of.reason ? `: ${of.reason}` : "")))) : null,
      h("section", { class: "card" }, h("h2", {}, "Lines"), one.lines.length ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Lines" }, h("table", {}, h("thead", {}, h("tr", {}, ...["Article", "Ordered", "Shipped", "Delivered", "Returned", "Refunded"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...one.lines.map((line) => h("tr", {}, h("td", {}, line.title ?? line.sku ?? line.id), ...["ordered", "shipped", "delivered", "returned", "refunded"].map((name) => h("td", {}, String(line[name])))))))) : h("p", { class: "empty" }, "The order names no lines."))));
  } catch (trouble) {
    fill(main, h("section", { class: "card" }, h("h1", {}, "It cannot be shown"), complaint(trouble)));
  }
}
