// What happens while somebody looks: one stream of the merchant's messages, told to the view that is open.

import { words } from "./lib.js";

// `heard(about)` is called with news: `about(id)` tells whether they are of a shipment or an order, or may be.
export function follow(heard) {
  let stream = null;
  let soon = null;
  let again = null;
  const shipments = new Set();
  const take = (event) => {
    try {
      const { data, shipment_ids: ids } = JSON.parse(event.data);
      for (const id of ids ?? [data?.shipment?.id ?? "", data?.order?.id ?? ""]) shipments.add(id);
    } catch { return; }
    soon ??= setTimeout(() => { soon = null; const some = new Set(shipments); shipments.clear(); heard((id) => some.has(id)); }, 400);
  };
  const open = (missed) => {
    stream = new EventSource("/v1/stream?types=*");
    // Events are named by their type, so all that the API lists are listened to.
    for (const type of TYPES) stream.addEventListener(type, take);
    stream.addEventListener("open", () => { if (missed) heard(() => true); missed = false; });
    stream.addEventListener("error", () => {
      // A browser gives a stream up for good where it was answered with anything but a stream.
      if (stream.readyState === EventSource.CLOSED) again = setTimeout(() => open(true), 3000 + Math.random() * 3000);
    });
  };
  open(false);
  return () => { stream.close(); clearTimeout(soon); clearTimeout(again); };
}

const STATUSES = ["pending", "ordered", "info_received", "in_transit", "out_for_delivery", "attempt_failed", "available_for_pickup", "delivered", "exception", "returning", "returned", "refunded", "cancelled", "expired", "unknown"];
const ORDERS = ["ordered", "partially_shipped", "in_transit", "out_for_delivery", "attempt_failed", "available_for_pickup", "exception", "partially_delivered", "delivered", "returning", "partially_returned", "returned", "partially_refunded", "refunded", "cancelled"];
const TYPES = [...STATUSES, ...Object.keys(words.queues), "event", "eta_changed", "carrier_changed", "proof_added"].map((one) => `shipment.${one}`).concat(ORDERS.map((one) => `order.${one}`), ["courier.arriving", "conversation.message", "rating.received", "desk.changed"]);
