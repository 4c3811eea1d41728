// What was found, as it is typed.

import { api, complaint, fill, h, plural, status, timeOf } from "./lib.js";

let latest = 0;

export async function open(main, _, query) {
  const q = query.get("q") ?? "";
  const box = document.querySelector("#find");
  if (document.activeElement !== box) box.value = q;
  const mine = ++latest;
  try {
    const [{ data }, orders] = await Promise.all([api("GET", `/v1/search?limit=50&q=${encodeURIComponent(q)}`), ordersOf(q)]);
    if (mine !== latest) return undefined;
    const found = [orders.length ? plural(orders.length, "order") : "", data.length ? plural(data.length, "shipment") : ""].filter(Boolean).join(", ");
    fill(main, h("section", { class: "card" },
      h("h1", { "aria-live": "polite" }, found ? `${found} for “${q}”` : `Nothing for “${q}”`),
      found ? h("ul", { class: "rows" }, ...orders.map(orderRow), ...data.map(row)) : h("p", { class: "empty" }, "Look at the spelling, or use less of it: the beginning of a name, the last digits of a number.")));
  } catch (trouble) {
    if (mine === latest) fill(main, h("section", { class: "card" }, h("h1", {}, "Find a shipment"), complaint(trouble)));
  }
  const onKey = ({ detail: key }) => {
    const links = [...main.querySelectorAll("[data-row] a")];
    const at = links.indexOf(document.activeElement);
    if (key === "j") links[Math.min(at + 1, links.length - 1)]?.focus();
    if (key === "k") links[Math.max(at - 1, 0)]?.focus();
  };
  document.addEventListener("desk-key", onKey);
  return () => document.removeEventListener("desk-key", onKey);
}

// An order may have no parcel yet, so its number is asked for as well, also as shops write it and people do not: #1001, A-17.
// What is too long for a number is none.
async function ordersOf(q) {
  const number = q.trim();
  const spelled = [...new Set([number, number.toUpperCase(), `#${number}`])];
  const found = await Promise.all(spelled.map((one) => api("GET", `/v1/orders?limit=5&order_number=${encodeURIComponent(one)}`).then(({ data }) => data, () => [])));
  return found.flat();
}

function orderRow(of) {
  return h("li", { class: "work", "data-row": of.id },
    h("a", { href: `/console/orders/${of.id}` }, "Order ", h("span", { class: "number" }, of.order_number), h("br"), status(of)),
    h("span", { class: "work-facts" }, h("span", { class: "small" }, of.destination?.city ?? ""), timeOf(of.updated_at)));
}

function row(of) {
  return h("li", { class: "work", "data-row": of.id },
    h("a", { href: `/console/shipments/${of.id}` }, h("span", { class: "number" }, of.tracking_number), " ", h("span", { class: "soft" }, of.order_number ?? ""), h("br"), status(of)),
    h("span", { class: "work-facts" }, h("span", {}, of.recipient?.name ?? ""), h("span", { class: "small" }, of.recipient?.city ?? of.destination?.city ?? ""), h("span", { class: "small" }, of.carrier), timeOf(of.updated_at)));
}
