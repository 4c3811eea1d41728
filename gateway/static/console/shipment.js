// One shipment as one story: what it is, who takes care, everything that happened and was told, and what can be done.

import { all, api, button, carrierNames, complaint, copyable, fill, form, h, happenings, owner, plural, say, show, skeleton, staff, status, statusWords, sure, timeOf, troubleWords, when, who } from "./lib.js";
import { follow } from "./live.js";
import { startReturn } from "./order.js";

const KINDS = [["events", "Scans"], ["messages", "Messages"], ["notices", "Notices"], ["notes", "Notes"], ["talk", "Conversation"]];
const CHANNELS = { sms: "SMS", email: "E-mail", push: "Browser", whatsapp: "WhatsApp", console: "Console" };
const NOTICE_STATES = { queued: "waiting to go", sending: "on its way", superseded: "not sent", skipped: "not sent", undelivered: "not delivered" };
const NOT_SAID = ["pending", "expired", "unknown"]; // of our knowledge, not of the parcel
const hidden = new Set();

export async function open(main, id, _, { quietly = false } = {}) {
  const place = h("article", { class: "shipment" }, skeleton());
  fill(main, place);

  async function load() {
    const base = `/v1/shipments/${encodeURIComponent(id)}`;
    const one = await api("GET", base);
    const [events, messages, notices, notes, handling, people, talk, wishes, rating, proofs, order, family, names] = await Promise.all([
      all(`${base}/events`), api("GET", `/v1/messages?limit=50&shipment_id=${encodeURIComponent(id)}`).then((page) => page.data), api("GET", `${base}/notices`).then((page) => page.data), api("GET", `${base}/notes`).then((page) => page.data), api("GET", `${base}/handling`), api("GET", "/v1/people").then((page) => page.data),
      api("GET", `${base}/conversation`), api("GET", `${base}/subscriptions`).then((page) => page.data), one.delivered_at ? api("GET", `/v1/ratings?shipment_id=${encodeURIComponent(id)}`).then((page) => page.data[0]) : null, api("GET", `${base}/proofs`).then((page) => page.data), one.order_number ? api("GET", `/v1/orders?order_number=${encodeURIComponent(one.order_number)}`).then((page) => page.data[0] ?? null) : null,
      one.order_number ? api("GET", `/v1/shipments?order_number=${encodeURIComponent(one.order_number)}`).then((page) => page.data) : [],
      carrierNames(),
    ]);
    return { base, one, carrier: names[one.carrier] ?? one.carrier, events, messages, notices, notes, handling, people, talk, wishes, rating, proofs, order, family };
  }

  async function refresh() {
    try {
      draw(await load());
    } catch (trouble) {
      fill(place, h("section", { class: "card" }, h("h1", {}, trouble.status === 404 ? "There is no such shipment" : "It cannot be shown"), complaint(trouble)));
    }
  }

  function draw(known) {
    const { one } = known;
    const busy = place.contains(document.activeElement) && document.activeElement.closest("form");
    if (busy) return; // somebody is writing: what is new waits until they are done
    if (!quietly) document.title = `${one.tracking_number} · Carrier gateway`;
    fill(place, 
      h("header", { class: "card shipment-head" },
        h("p", { class: "small" }, one.direction === "return" ? "Return" : "Shipment", " · ", known.carrier, one.service ? ` · ${one.service}` : ""),
        h(quietly ? "h2" : "h1", {}, copyable(one.tracking_number, "tracking number")),
        h("p", { class: "lead" }, status(one), one.status_since ? h("span", { class: "small" }, " since ", timeOf(one.status_since)) : null),
        one.trouble?.length ? h("p", {}, ...one.trouble.map((trouble) => h("span", { class: "chip bad" }, `${troubleWords(trouble.kind)} since ${when(trouble.since)}`))) : null,
        care(known),
        acts(known),
      ),
      facts(known),
      family(known),
      h("section", { class: "card map-card", hidden: true }, h("h2", {}, "Places"), h("div", { class: "map", role: "group", "aria-label": "A map with the places the scans name" })),
      story(known),
      proofs(known),
      hears(known),
      talk(known),
      rated(known),
    );
    drawMap(known);
  }

  function care({ base, handling, people, one }) {
    const name = (id) => people.find((person) => person.id === id)?.name ?? "somebody";
    const put = (change, said) => async () => {
      try {
        await api("PUT", `${base}/handling`, { ...change, version: handling.version });
        say(said);
      } catch (trouble) {
        if (trouble.status !== 409) throw trouble;
        say(`${name(trouble.told.handling.changed_by)} changed this a moment ago. Here is how it stands now.`);
      }
      await refresh();
    };
    const asleep = handling.snoozed_until && new Date(handling.snoozed_until) > new Date();
    const night = new Date(Date.now() + 86400000);
    night.setHours(8, 0, 0, 0);
    return h("div", { class: "row care" },
      h("span", {}, handling.assignee ? (handling.assignee === who.person_id ? "Yours" : `With ${name(handling.assignee)}`) : "Nobody takes care of it", asleep ? h("span", { class: "small" }, " · sleeps until ", timeOf(handling.snoozed_until)) : null),
      handling.assignee === who.person_id ? button("Give back", put({ assignee: "none" }, "Given back")) : button("Take it", put({ assignee: "me" }, "It is yours")),
      asleep ? button("Wake it", put({ awake: true }, "It is awake")) : button("Sleep until tomorrow", put({ snoozed_until: night.toISOString() }, "It sleeps until tomorrow, 8:00")),
    );
  }

  function acts({ base, one, order }) {
    return h("div", { class: "row acts" },
      button("Ask the carrier now", async () => { await api("POST", `${base}/refresh`); say("The carrier is being asked"); }),
      button("Correct", () => correct(base, one)),
      button("Add an event", () => addEvent(base)),
      button("Add a note", () => addNote(base)),
      order ? button("Start a return", () => startReturn(order, refresh)) : null,
      one.tracking_url ? h("a", { class: "button-2", href: one.tracking_url, target: "_blank", rel: "noopener" }, "Recipient's page") : null,
      one.tracking ? button("Stop tracking", async () => {
        if (!await sure(`Nobody will be asked or told about ${one.tracking_number} any more. What is known stays. You can track it again by registering it.`, "Stop tracking")) return;
        await api("DELETE", base);
        say("Stopped");
        await refresh();
      }, { class: "button-2 danger" }) : h("span", { class: "chip" }, "not tracked"),
    );
  }

  async function correct(base, one) {
    const { data } = await api("GET", "/v1/carriers");
    const dialog = show("Correct the shipment", form([
      { name: "carrier", label: "Carrier", value: one.carrier, options: data.map((of) => ({ value: of.code, label: of.name })), help: "Another carrier begins a history of its own; what was read as the wrong one's goes." },
      { name: "order_number", label: "Order number", value: one.order_number ?? "" },
    ], "Save", async (values) => {
      const change = {};
      if (values.carrier !== one.carrier) change.carrier = values.carrier;
      if ((values.order_number ?? null) !== one.order_number) change.order_number = values.order_number ?? null;
      const other = Object.keys(change).length ? await corrected(base, one, change) : null;
      dialog.close();
      say(other ? `Somebody corrected this a moment ago: it is ${other.carrier}'s${other.order_number ? `, order ${other.order_number}` : ""}. Yours was not saved.` : "Corrected");
      await refresh();
    }));
  }

  // Returns how the shipment stands where somebody else corrected it since it was seen. News of its carrier change it too, but are no reason.
  async function corrected(base, seen, change, { version } = seen) {
    try {
      await api("PATCH", base, { ...change, version });
      return null;
    } catch (trouble) {
      const now = trouble.status === 409 ? trouble.told.shipment : null;
      if (!now) throw trouble;
      return now.carrier === seen.carrier && now.order_number === seen.order_number ? corrected(base, seen, change, now) : now;
    }
  }

  function addEvent(base) {
    const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    const dialog = show("Add an event by hand", h("p", { class: "small" }, "It goes the same way as a carrier's, and is marked as yours."), form([
      { name: "happened", label: "What happened", value: "in_transit/other", options: happenings(NOT_SAID) },
      { name: "at", label: "When, on your clock", type: "datetime-local", value: now, required: true },
      { name: "text", label: "In words (optional)" },
    ], "Add", async ({ happened, ...values }) => {
      const [status, substatus] = happened.split("/");
      await api("POST", `${base}/events`, { ...values, status, substatus, at: new Date(values.at).toISOString() });
      dialog.close();
      say("Added");
      await refresh();
    }));
  }

  function addNote(base) {
    const dialog = show("Note for the desk", form([{ name: "text", label: "Only your desk reads this", type: "textarea", required: true, maxlength: 1000 }], "Keep", async (values) => {
      await api("POST", `${base}/notes`, values);
      dialog.close();
      say("Kept");
      await refresh();
    }));
  }

  function facts({ one }) {
    const window = (of) => (of ? [of.from, of.to].filter(Boolean).map((at) => (at.length > 10 ? when(at) : at)).map((at, place, both) => (place && at.startsWith(`${both[0].split(", ")[0]}, `) ? at.split(", ")[1] : at)).join(" to ") : null);
    const foretold = ({ predicted, predicted_from: from }) => (predicted ? `${when(predicted.p50)}, nearly surely by ${when(predicted.p90)} (from ${plural(from.samples, "parcel")})` : null);
    const address = (of) => (of ? [of.name, of.street, [of.postal_code, of.city].filter(Boolean).join(" "), of.country].filter(Boolean).join(", ") : null);
    const rows = [["Arrival, says the carrier", window(one.eta)], ["Promised", window(one.promised)], ["Likely arrival, we think", foretold(one)], ["Goes to", address(one.recipient) ?? address(one.destination)], ["E-mail", one.recipient?.email], ["Phone", one.recipient?.phone], ["Collect at", address(one.pickup_point)], ["Collect until", one.pickup_until], ["Courier", [one.courier, one.courier_vehicle].filter(Boolean).join(", ")], ["Signed by", one.signed_by], ["Weight", one.weight_grams ? `${(one.weight_grams / 1000).toLocaleString("en-GB")} kg` : null], ["Pieces", one.pieces_total > 1 ? `${one.pieces_delivered} of ${one.pieces_total} delivered` : null], ["References", one.references?.join(", ")], ["Delivery attempts", one.delivery_attempts || null]];
    return h("section", { class: "card" }, h("h2", {}, "Facts"), h("dl", { class: "facts" }, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])));
  }

  function family({ one, order, family }) {
    const others = family.filter((other) => other.id !== one.id);
    const ties = [one.continues_as?.shipment_id ? ["Goes on as", one.continues_as.shipment_id, one.continues_as.tracking_number] : null, one.continued_from ? ["Came from", one.continued_from, "the carrier before"] : null].filter(Boolean);
    if (!order && !others.length && !ties.length) return null;
    return h("section", { class: "card" }, h("h2", {}, "The whole journey"),
      h("ul", { class: "rows" },
        order ? h("li", { class: "work" }, h("a", { href: `/console/orders/${order.id}` }, h("strong", {}, `Order ${order.order_number}`), " ", h("span", { class: "soft" }, statusWords(order.status, order.substatus)))) : null,
        ...ties.map(([word, id, text]) => h("li", { class: "work" }, h("span", { class: "soft" }, word), " ", h("a", { href: `/console/shipments/${id}` }, text))),
        ...others.map((other) => h("li", { class: "work" }, h("a", { href: `/console/shipments/${other.id}` }, other.direction === "return" ? "Return " : "", h("span", { class: "number" }, other.tracking_number)), status(other)))));
  }

  function story({ events, messages, notices, notes, talk }) {
    const entries = [
      ...events.map((event) => ({ kind: "events", at: event.at ?? event.received_at, node: scan(event) })),
      ...messages.map((message) => ({ kind: "messages", at: message.created_at, node: told(message) })),
      ...notices.map((notice) => ({ kind: "notices", at: notice.created_at, node: noticed(notice) })),
      ...notes.map((note) => ({ kind: "notes", at: note.at, node: h("div", {}, h("strong", {}, `Note of ${note.person || "a colleague"}`), h("p", { class: "pre" }, note.text)) })),
      ...talk.utterances.map((said) => ({ kind: "talk", at: said.at, node: h("div", {}, h("strong", {}, said.author === "recipient" ? "The recipient wrote" : said.author === "courier" ? "The courier wrote" : "Support wrote"), h("p", { class: "pre" }, [said.quick?.replaceAll("_", " "), said.text].filter(Boolean).join(": "))) })),
    ].sort((one, other) => new Date(other.at) - new Date(one.at));
    const list = h("ol", { class: "story" });
    const none = h("p", { class: "empty story-none", role: "status" });
    const count = (kind) => entries.filter((one) => one.kind === kind).length;
    const redraw = () => {
      const shown = entries.filter((one) => !hidden.has(one.kind));
      fill(list, ...shown.map((one) => h("li", { class: `entry ${one.kind}` }, h("div", { class: "entry-time small" }, timeOf(one.at)), one.node)));
      fill(none, shown.length ? null : entries.length ? `Nothing of the kinds ticked above. Of the others: ${plural(entries.length, "entry", "entries")}.` : "Nothing yet. As soon as the carrier says something, it stands here.");
    };
    redraw();
    return h("section", { class: "card" }, h("header", { class: "row spread" }, h("h2", {}, "What happened"),
      h("fieldset", { class: "row" }, h("legend", { class: "unseen" }, "Show"), ...KINDS.map(([kind, text]) => h("label", { class: "check" }, h("input", { type: "checkbox", checked: !hidden.has(kind), onchange: (event) => { event.currentTarget.checked ? hidden.delete(kind) : hidden.add(kind); redraw(); } }), h("span", {}, text, " ", h("span", { class: "small" }, String(count(kind)))))))),
    none, list);
  }

  function noticed(notice) {
    const went = NOTICE_STATES[notice.state] ?? notice.state;
    const bad = notice.state === "undelivered" || notice.state === "skipped";
    return h("div", {}, h("p", {}, h("strong", {}, `${CHANNELS[notice.channel]} to ${notice.address ?? "nobody any more"}: ${notice.subject.replaceAll(/[._]/g, " ")}`)),
      h("p", { class: "row small" }, h("span", { class: bad ? "chip bad" : "chip" }, `${went}${notice.reason ? `: ${notice.reason}` : ""}`), " ", timeOf(notice.next_at ?? notice.updated_at)));
  }

  function scan(event) {
    const place = [event.place?.facility, event.place?.city, event.place?.country].filter(Boolean).join(", ");
    return h("div", { class: event.earlier_parcel ? "earlier" : null },
      h("p", {}, status(event.counts_as ?? event), event.source === "merchant" ? h("span", { class: "chip" }, "by hand") : null, event.moves === "informs" ? h("span", { class: "chip" }, "informs only") : null, event.told_time ? " " : null, event.told_time ? h("span", { class: "chip", title: "More than 14 hours after it was received: the receipt stands for it" }, `dated ${event.told_time.slice(0, 16).replace("T", " ")}${event.told_time.endsWith("Z") ? " UTC" : ""} by the carrier`) : null),
      event.text ? h("p", { class: "soft" }, "“", h("bdi", {}, event.text), "”") : null,
      h("p", { class: "small" }, [place, event.local_time ? `there ${event.local_time.replace("T", " ").slice(0, 16)}${event.utc_offset ? ` (${event.utc_offset})` : ""}` : null, event.code ? `code ${event.code}` : null].filter(Boolean).join(" · "), " ", event.payload_id ? button("carrier's bytes", () => bytes(event.payload_id), { class: "quiet" }) : null));
  }

  function told(message) {
    const done = message.deliveries.map((one) => `${one.state}${one.last_status ? ` ${one.last_status}` : ""}`).join(", ");
    return h("div", {}, h("p", {}, h("strong", {}, message.type), " ", h("span", { class: "small" }, done || "no endpoint wanted it")),
      h("p", { class: "row" }, button("what was said", () => whole(message.id), { class: "quiet" }), button("send again", async () => {
        const { endpoints } = await api("POST", `/v1/messages/${message.id}/resend`);
        say(endpoints.length ? `On its way to ${endpoints.length === 1 ? "one endpoint" : `${endpoints.length} endpoints`}` : "No endpoint wants it");
        await refresh();
      }, { class: "quiet", "aria-label": `Send ${message.type} again` })));
  }

  async function whole(messageId) {
    const message = await api("GET", `/v1/messages/${messageId}`);
    show(message.type, h("h3", {}, "To endpoints"), h("ul", {}, ...message.deliveries.map((one) => h("li", {}, h("a", { href: `/console/endpoints/${one.endpoint_id}` }, one.endpoint_id), ` ${one.state}, ${one.attempts} attempts${one.last_status ? `, answered ${one.last_status}` : ""}${one.reason ? `: ${one.reason}` : ""}`))),
      message.notices.length ? h("h3", {}, "To people") : null, h("ul", {}, ...message.notices.map((one) => h("li", {}, `${CHANNELS[one.channel]} to ${one.address ?? "nobody any more"}: ${NOTICE_STATES[one.state] ?? one.state}${one.reason ? `, ${one.reason}` : ""}`))),
      h("h3", {}, "Its words"), h("pre", { class: "bytes", tabindex: 0 }, JSON.stringify(message.body, null, 2)));
  }

  async function bytes(payloadId) {
    const kept = await api("GET", `/v1/payloads/${payloadId}`);
    let text = kept.body;
    try { text = JSON.stringify(JSON.parse(kept.body), null, 2); } catch { /* it is XML or something else: shown as it came */ }
    show("What the carrier sent", h("p", { class: "small" }, `${kept.source === "push" ? "Pushed" : "Asked for"} `, timeOf(kept.received_at), `, ${kept.state}${kept.reason ? `: ${kept.reason}` : ""}`), h("pre", { class: "bytes", tabindex: 0 }, text));
  }

  function proofs({ base, proofs }) {
    if (!proofs.length) return null;
    return h("section", { class: "card" }, h("h2", {}, "Proof of delivery"), h("ul", {}, ...proofs.map((one) => h("li", {}, one.id && one.content_type !== null ? h("a", { href: `${base}/proofs/${one.id}`, target: "_blank", rel: "noopener" }, one.kind) : one.kind, one.text ? ` ${one.text}` : ""))), h("p", {}, h("a", { class: "button-2", href: `${base}/proof-sheet`, target: "_blank", rel: "noopener" }, "Proof sheet for a claim (PDF)")));
  }

  function hears({ base, wishes }) {
    if (!wishes.length) return null;
    return h("section", { class: "card" }, h("h2", {}, "Who hears of it"), h("ul", { class: "rows" }, ...wishes.map((one) => h("li", { class: "work" }, h("span", {}, h("strong", {}, one.channel), ` ${one.address}`), h("span", { class: "small" }, `${one.language}, ${one.state}`), one.state === "stopped" ? null : button("Stop", async () => {
      if (!await sure(`${one.address} hears nothing more of this parcel by ${one.channel}.`, "Stop")) return;
      await api("DELETE", `${base}/subscriptions/${one.id}`);
      await refresh();
    }, { class: "quiet", "aria-label": `Stop ${one.channel} to ${one.address}` })))));
  }

  function talk({ base, talk }) {
    if (!talk.utterances.length && !talk.open) return null;
    return h("section", { class: "card" }, h("h2", {}, "Write to the recipient"), talk.open ? form([{ name: "text", label: "They read it on their page", type: "textarea", required: true, maxlength: 500 }], "Send", async (values, made) => {
      await api("POST", `${base}/conversation`, values);
      made.reset();
      document.activeElement?.blur();
      say("Sent");
      await refresh();
    }) : h("p", { class: "soft" }, "This conversation is closed."));
  }

  function rated({ base, rating }) {
    if (!rating) return null;
    return h("section", { class: "card" }, h("h2", {}, `Rated ${rating.stars} of 5`), rating.text ? h("p", { class: "pre" }, rating.text) : null, rating.reasons.length ? h("p", { class: "small" }, rating.reasons.map((one) => one.replaceAll("_", " ")).join(", ")) : null,
      rating.answer ? h("p", {}, h("strong", {}, "Answered: "), rating.answer) : form([{ name: "text", label: "Answer: they read it on their page", type: "textarea", required: true, maxlength: 500 }], "Answer", async (values) => {
        await api("POST", `${base}/rating/answer`, values);
        document.activeElement?.blur();
        say("Answered");
        await refresh();
      }));
  }

  function drawMap({ events, one }) {
    const seen = new Map();
    for (const event of events) if (event.place?.latitude !== undefined && !event.earlier_parcel) seen.set(`${event.place.latitude},${event.place.longitude}`, { latitude: event.place.latitude, longitude: event.place.longitude, name: event.place.city ?? event.place.facility ?? "" });
    const door = one.destination?.latitude ? { latitude: one.destination.latitude, longitude: one.destination.longitude } : null;
    if (!seen.size && !door) return;
    place.querySelector(".map-card").hidden = false;
    import("../map.js").then((module) => {
      module.open(place.querySelector(".map"), { position: null, door, places: [...seen.values()], tiles: who.tiles.tiles, attribution: who.tiles.attribution, words: { courier: "Courier", door: "Where it is delivered", place: "Place on the way", zoom_in: "Zoom in", zoom_out: "Zoom out" } }, null);
    });
  }

  await refresh();
  if (!staff && !owner) return undefined;
  return follow((about) => { if (about(id)) refresh(); });
}
