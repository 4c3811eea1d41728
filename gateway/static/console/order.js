// One order from placing to refund: its parcels there and back, its returns and their next steps, all that happened as one line.

import { api, button, complaint, copyable, fill, form, h, plural, say, show, skeleton, status, statusWords, sure, timeOf } from "./lib.js";
import { follow } from "./live.js";

// What the desk may say next of a return: [what the button says, what happened].
const APPROVE = ["Approve", "returning", "approved"];
const RECEIVED = ["It arrived", "returned", "received"];
const INSPECTED = ["It is checked", "returned", "inspected"];
const REJECTED = ["Not accepted", "returned", "rejected"];
const REFUNDED = ["Money refunded", "refunded", "refunded"];
const EXCHANGED = ["Exchanged", "refunded", "exchanged"];
const CALLED_OFF = ["Call it off", "cancelled", "by_merchant"];
const NEXT = { requested: [APPROVE, RECEIVED, CALLED_OFF], approved: [RECEIVED, CALLED_OFF], label_created: [RECEIVED, CALLED_OFF], received: [INSPECTED, REJECTED, REFUNDED, EXCHANGED], inspected: [REJECTED, REFUNDED, EXCHANGED], rejected: [REFUNDED] };

export function startReturn(order, done) {
  const dialog = show(`Return of order ${order.order_number}`, form([
    { name: "reason", label: "Why (optional)" },
    { name: "tracking_number", label: "Its tracking number (optional)" },
    { name: "carrier", label: "The carrier's code (optional)" },
  ], "Start the return", async ({ reason, tracking_number, carrier }) => {
    const wish = { status: "requested", ...(reason ? { reason } : {}), ...(tracking_number ? { shipment: { tracking_number, ...(carrier ? { carrier } : {}) } } : {}) };
    await api("POST", `/v1/orders/${order.id}/returns`, wish);
    dialog.close();
    say("The return is started");
    await done();
  }));
}

export async function open(main, id) {
  const base = `/v1/orders/${encodeURIComponent(id)}`;
  const place = h("article", { class: "shipment" }, skeleton());
  fill(main, place);
  let mine = new Set([id]);

  async function refresh() {
    try {
      const [one, { data: steps }] = await Promise.all([api("GET", base), api("GET", `${base}/journey`)]);
      mine = new Set([id, ...one.shipments.map((of) => of.id)]);
      document.title = `${one.order_number} · Carrier gateway`;
      fill(place, head(one), parcels(one), returns(one), lines(one), journey(one, steps));
    } catch (trouble) {
      fill(place, h("section", { class: "card" }, h("h1", {}, trouble.status === 404 ? "There is no such order" : "It cannot be shown"), complaint(trouble)));
    }
  }

  async function tell(event, said) {
    await api("POST", `${base}/events`, { at: new Date().toISOString(), ...event });
    say(said);
    await refresh();
  }

  function head(one) {
    const to = one.recipient ?? one.destination;
    const address = to ? [to.name, to.street, [to.postal_code, to.city].filter(Boolean).join(" "), to.country].filter(Boolean).join(", ") : "";
    const facts = [["Goes to", address], ["E-mail", one.recipient?.email], ["Phone", one.recipient?.phone]].filter(([, value]) => value);
    return h("header", { class: "card" }, h("p", { class: "small" }, "Order"), h("h1", {}, copyable(one.order_number, "order number")),
      h("p", { class: "lead" }, statusWords(one.status, one.substatus), one.status_since ? h("span", { class: "small" }, " since ", timeOf(one.status_since)) : null),
      facts.length ? h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])) : null,
      h("div", { class: "row acts" },
        one.status === "cancelled" ? null : button("Start a return", () => startReturn(one, refresh)),
        one.status === "ordered" ? button("Cancel the order", async () => {
          if (await sure(`Order ${one.order_number} is told as cancelled. Nothing of it is on its way yet.`, "Cancel the order")) await tell({ status: "cancelled", substatus: "by_merchant" }, "The order is cancelled");
        }, { class: "button-2 danger" }) : null));
  }

  function parcels(one) {
    return h("section", { class: "card" }, h("h2", {}, "Parcels"), one.shipments.length ? h("ul", { class: "rows" }, ...one.shipments.map((of) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${of.id}` }, of.direction === "return" ? "Return " : "", h("span", { class: "number" }, of.tracking_number)), status(of), h("span", { class: "small" }, of.carrier)))) : h("p", { class: "empty" }, "No parcel yet."));
  }

  function returns(one) {
    if (!one.returns.length) return null;
    const title = (line) => one.lines.find((of) => of.id === line)?.title ?? line;
    return h("section", { class: "card" }, h("h2", {}, "Returns"), h("ul", { class: "rows" }, ...one.returns.map((of) => h("li", { class: "work" },
      h("span", {}, h("bdi", { class: "soft" }, of.id ?? ""), " ", statusWords(of.status, of.substatus), " since ", timeOf(of.since), of.reason ? [": ", h("bdi", {}, of.reason)] : null, of.items.length ? h("span", { class: "small" }, ` ${of.items.map((item) => `${item.quantity} × ${title(item.line)}`).join(", ")}`) : null),
      h("span", { class: "row" }, ...(NEXT[of.substatus] ?? (of.status === "returning" ? [RECEIVED] : [])).map(([text, happened, detail]) => button(text, () => tell({ status: happened, substatus: detail, ...(of.id ? { return_id: of.id } : {}), ...(of.items.length ? { items: of.items } : {}) }, statusWords(happened, detail)), { "aria-label": `${text}: return ${of.id ?? ""}` })))))));
  }

  function lines(one) {
    const counted = ["ordered", "shipped", "delivered", "returned", "refunded", "cancelled"];
    return h("section", { class: "card" }, h("h2", {}, "Lines"), one.lines.length ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Lines" }, h("table", {}, h("thead", {}, h("tr", {}, ...["Article", ...counted.map((name) => name[0].toUpperCase() + name.slice(1))].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...one.lines.map((line) => h("tr", {}, h("td", {}, line.title ?? line.sku ?? line.id), ...counted.map((name) => h("td", {}, String(line[name])))))))) : h("p", { class: "empty" }, "The order names no lines."));
  }

  function journey(one, steps) {
    const of = new Map(one.shipments.map((shipment) => [shipment.id, shipment]));
    const whose = (step) => {
      const shipment = of.get(step.shipment_id);
      if (!shipment) return step.order_event?.return_id ? `Return ${step.order_event.return_id}` : "Order";
      return h("a", { href: `/console/shipments/${shipment.id}` }, step.direction === "return" ? "Return " : "", shipment.tracking_number);
    };
    const entry = (step) => {
      const event = step.event ?? step.order_event;
      const where = [event.place?.city, event.place?.country].filter(Boolean).join(", ");
      return h("li", { class: "entry" }, h("div", { class: "entry-time small" }, timeOf(step.at)), h("p", {}, status(event.counts_as ?? event), " ", h("span", { class: "small" }, whose(step), where ? ` · ${where}` : "")), event.text ? h("p", { class: "soft" }, "“", h("bdi", {}, event.text), "”") : null);
    };
    return h("section", { class: "card" }, h("h2", {}, "The whole journey"), h("p", { class: "small" }, plural(steps.length, "step"), ", the latest first"), h("ol", { class: "story" }, ...[...steps].reverse().map(entry)));
  }

  await refresh();
  return follow((about) => { if ([...mine].some(about)) refresh(); });
}
