// What was found, as it is typed: an order with its parcels below it, each parcel once.

import { api, complaint, fill, h, plural, status, statusWords, timeOf } from "./lib.js";

const LONGEST_ADDRESS = 7500;
let latest = 0;

export async function open(main, _, query) {
  const q = query.get("q") ?? "";
  const box = document.querySelector("#find");
  if (document.activeElement !== box) box.value = q;
  const mine = ++latest;
  try {
    const asked = encodeURIComponent(q);
    if (asked.length > LONGEST_ADDRESS) throw new Error("That is too much at once: paste fewer numbers.");
    const found = await api("GET", `/v1/search?limit=50&q=${asked}`);
    if (mine !== latest) return undefined;
    fill(main, found.asked.length > 1 ? several(found) : one(found, q));
  } catch (trouble) {
    if (mine === latest) fill(main, h("section", { class: "card" }, h("h1", {}, "Find a shipment or order"), hint(trouble)));
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

// What the box was asked in vain says so without the name its parameter has.
function hint(trouble) {
  return complaint(trouble.errors?.some((each) => each.pointer === "?q") ? { message: capital(trouble.errors[0].detail) } : trouble);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + ".";
}

function one({ data, orders }, q) {
  const found = [orders.length ? plural(orders.length, "order") : "", data.length ? plural(data.length, "shipment") : ""].filter(Boolean).join(", ");
  return h("section", { class: "card" },
    h("h1", { "aria-live": "polite" }, found ? `${found} for “${q}”` : `Nothing for “${q}”`),
    found ? h("ul", { class: "rows" }, ...rows(orders, data)) : h("p", { class: "empty" }, "Look at the spelling, or use less of it: the beginning of a name, the last digits of a number."));
}

// Of several numbers each has its own part, also where nothing was found: nobody has to count.
function several({ asked, data, orders }) {
  const missing = asked.filter((each) => !each.shipments.length && !each.orders.length);
  const of = (all, ids) => ids.map((id) => all.find((each) => each.id === id));
  return h("section", { class: "card" },
    h("h1", { "aria-live": "polite" }, missing.length ? `${asked.length - missing.length} of ${asked.length} found` : `All ${asked.length} found`),
    missing.length ? h("p", {}, h("strong", {}, "Not found: "), ...missing.flatMap((each, index) => [index ? ", " : "", h("bdi", { class: "number" }, each.text)])) : null,
    ...asked.filter((each) => !missing.includes(each)).map((each) => h("section", {},
      h("h2", { class: "asked" }, h("bdi", {}, each.text)),
      h("ul", { class: "rows" }, ...rows(of(orders, each.orders), of(data, each.shipments))))));
}

function rows(orders, shipments) {
  const left = new Map(shipments.map((each) => [each.id, each]));
  const grouped = orders.map((order) => {
    const theirs = order.shipments.map((each) => ({ ...each, order_number: "", ...found(left, each.id) }));
    return h("li", { class: "group" }, orderRow(order), theirs.length ? h("ul", { class: "rows within", "aria-label": `Parcels of order ${order.order_number}` }, ...theirs.map(row)) : null);
  });
  return [...grouped, ...[...left.values()].map(row)];
}

// Takes a parcel that was found out of what is left to be listed; its order stands above it already.
function found(left, id) {
  const parcel = left.get(id);
  left.delete(id);
  return parcel && { ...parcel, order_number: "" };
}

function facts(of) {
  return [h("span", {}, of.recipient?.name ?? ""), h("span", { class: "small" }, of.recipient?.city ?? of.destination?.city ?? "")];
}

function orderRow(of) {
  // A return with a parcel is the parcel's line.
  const back = of.returns.filter((each) => !each.shipments.length).map((each) => h("span", { class: "small" }, returnWords(of, each)));
  return h("div", { class: "work", "data-row": of.id },
    h("a", { href: `/console/orders/${of.id}` }, h("strong", {}, "Order "), h("span", { class: "number" }, of.order_number), h("br"), status(of)),
    h("span", { class: "work-facts" }, ...facts(of), of.shipments.length ? null : h("span", { class: "small" }, "No parcel yet"), ...back, timeOf(of.updated_at)));
}

function returnWords(order, { id, status: at, substatus }) {
  const name = id && !id.startsWith("ret_") ? `Return ${id}` : "Return";
  return at === order.status && substatus === order.substatus ? name : `${name}: ${statusWords(at, substatus)}`;
}

function row(of) {
  return h("li", { class: "work", "data-row": of.id },
    h("a", { href: `/console/shipments/${of.id}` }, of.direction === "return" ? "Return " : null, h("span", { class: "number" }, of.tracking_number), " ", h("span", { class: "soft" }, of.order_number ? `Order ${of.order_number}` : ""), h("br"), status(of)),
    h("span", { class: "work-facts" }, ...facts(of), h("span", { class: "small" }, of.carrier), timeOf(of.updated_at)));
}
