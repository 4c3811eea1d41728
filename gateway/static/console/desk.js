// The work list: queues on the left, what waits in the middle, the shipment beside it where there is room.

import { age, api, button, carrierNames, fill, form, h, plural, say, show, skeleton, status, troubleWords, who, words } from "./lib.js";
import { go } from "./app.js";
import { follow } from "./live.js";
import { open as openShipment } from "./shipment.js";

const PAGE = 40;

export async function open(main, _, query) {
  const queue = query.get("queue") ?? "";
  const list = h("section", { class: "list", "aria-label": "What waits" });
  const queues = h("aside", { class: "queues", "aria-label": "Queues" });
  const beside = h("section", { class: "beside", tabindex: "-1", "aria-label": "Shipment" }, h("p", { class: "empty" }, "Choose a shipment: its whole story opens here."));
  fill(main, h("div", { class: "desk" }, queues, list, beside));
  list.append(skeleton());
  const state = { queue, query, rows: [], at: -1, last: 0, marked: new Set(), cursor: null, closeShipment: () => {} };

  async function count() {
    const { counts, conversations, low_ratings } = await api("GET", "/v1/desk/queues");
    const saved = (await api("GET", "/v1/desk/filters")).data;
    if (!state.queue) state.queue = Object.keys(words.queues).find((one) => counts[one]) ?? "stalled";
    fill(queues, 
      h("h2", { class: "unseen" }, "Queues"),
      h("ul", {}, ...Object.keys(words.queues).map((one) => h("li", {}, h("a", { href: `/console/desk?queue=${one}`, "aria-current": one === state.queue ? "true" : null }, h("span", {}, troubleWords(one)), h("span", { class: "count" }, String(counts[one] ?? 0)))))),
      h("ul", {}, ...[["/console/conversations", "Waiting for an answer", conversations], ["/console/ratings", "Low rating", low_ratings]].map(([href, name, waiting]) => h("li", {}, h("a", { href }, h("span", {}, name), h("span", { class: "count" }, String(waiting)))))),
      saved.length ? h("h3", {}, "Saved lists") : null,
      h("ul", {}, ...saved.map((one) => h("li", { class: "row spread" }, h("a", { href: `/console/desk?${one.query}` }, one.name), button("✕", async () => { await api("DELETE", `/v1/desk/filters/${one.id}`); await count(); }, { class: "quiet", "aria-label": `Forget the list ${one.name}` })))),
    );
  }

  const path = (more = "") => {
    const asked = new URLSearchParams({ queue: state.queue });
    for (const name of ["carrier", "assignee"]) if (query.get(name)) asked.set(name, query.get(name));
    return `/v1/desk/work?${asked}${more}`;
  };

  async function load(keep = false) {
    const page = await api("GET", path(`&limit=${Math.min(200, Math.max(PAGE, state.rows.length))}`)); // what was shown stays shown
    const chosen = state.rows[state.at]?.shipment.id;
    if (keep && state.at >= 0) state.last = state.at;
    state.rows = page.data;
    state.cursor = page.next_cursor;
    state.at = keep ? state.rows.findIndex((one) => one.shipment.id === chosen) : state.at;
    state.marked = new Set(state.rows.map((one) => one.shipment.id).filter((id) => state.marked.has(id))); // no act on what nobody sees
    draw();
  }

  function draw() {
    const scrolled = list.scrollTop;
    fill(list, head(), state.rows.length ? h("ul", { class: "rows" }, ...state.rows.map(row)) : empty(), state.cursor ? button("Show more", more) : "");
    list.scrollTop = scrolled;
  }

  function empty() {
    return h("p", { class: "empty" }, state.queue === "mine" ? "Nothing is yours. Take something with e." : "Nothing waits here. That is good.");
  }

  function head() {
    const marked = state.marked.size;
    return h("header", { class: "list-head" },
      h("h1", {}, troubleWords(state.queue)),
      h("div", { class: "row" },
        marked ? h("span", { class: "small" }, `${marked} marked`) : null,
        marked ? button("Take", () => many({ assignee: "me" })) : null,
        marked ? button("Sleep until tomorrow", () => many({ snoozed_until: tomorrow() })) : null,
        marked ? button("Give back", () => many({ assignee: "none" })) : null,
        button("Filter", filter),
        h("a", { class: "button-2", href: path("&format=csv"), download: `${state.queue}.csv`, target: "_self" }, "Export")),
    );
  }

  function row(item, index) {
    const of = item.shipment;
    return h("li", { class: index === state.at ? "work chosen" : "work", "data-row": of.id },
      h("input", { type: "checkbox", "aria-label": `Mark ${of.tracking_number}`, checked: state.marked.has(of.id), onchange: (event) => { event.currentTarget.checked ? state.marked.add(of.id) : state.marked.delete(of.id); draw(); } }),
      h("a", { href: `/console/shipments/${of.id}`, onclick: (event) => { if (matchMedia("(min-width: 75rem)").matches && !event.metaKey && !event.ctrlKey) { event.preventDefault(); event.stopPropagation(); choose(index).then(() => beside.focus({ preventScroll: true })); } } },
        h("span", { class: "number" }, of.tracking_number), " ", h("span", { class: "soft" }, of.order_number ?? ""), h("br"), status(of)),
      h("span", { class: "work-facts" }, h("span", { class: "small" }, carriers[of.carrier] ?? of.carrier), h("span", { class: "small", title: `since ${item.since}` }, age(item.since)), item.handling.assignee ? h("span", { class: "chip" }, item.handling.assignee === who.person_id ? "yours" : names.get(item.handling.assignee) ?? "taken") : null),
    );
  }

  async function choose(index) {
    if (!state.rows[index]) return;
    state.at = index;
    draw();
    list.querySelector(".chosen a")?.focus();
    list.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
    if (!matchMedia("(min-width: 75rem)").matches) return;
    state.closeShipment();
    state.closeShipment = (await openShipment(beside, state.rows[index].shipment.id, new URLSearchParams(), { quietly: true })) ?? (() => {});
  }

  async function more() {
    const page = await api("GET", path(`&limit=${PAGE}&cursor=${encodeURIComponent(state.cursor)}`));
    state.rows.push(...page.data);
    state.cursor = page.next_cursor;
    draw();
  }

  async function many(change) {
    const before = new Map(state.rows.map((one) => [one.shipment.id, one.handling.assignee ?? "none"]));
    const versions = Object.fromEntries(state.rows.filter((one) => state.marked.has(one.shipment.id)).map((one) => [one.shipment.id, one.handling.version]));
    const told = await api("POST", "/v1/desk/handling", { shipment_ids: [...state.marked], versions, ...change });
    const failed = told.data.filter((one) => one.problem).length;
    const done = told.data.filter((one) => !one.problem);
    say(failed ? `${done.length} done. ${plural(failed, "shipment")} somebody else changed a moment ago: the list shows how it stands now.` : `${done.length} done`, done.length ? () => undo(done, (id) => (change.assignee ? { assignee: before.get(id) } : { awake: true })) : undefined);
    state.marked.clear();
    await Promise.all([count(), load(true)]);
  }

  // Puts many back, those of the same kind in one call; what a colleague has changed since stays theirs.
  async function undo(done, back) {
    const kinds = new Map();
    for (const one of done) {
      const kind = JSON.stringify(back(one.shipment_id));
      kinds.set(kind, [...(kinds.get(kind) ?? []), one]);
    }
    for (const [kind, those] of kinds) await api("POST", "/v1/desk/handling", { shipment_ids: those.map((one) => one.shipment_id), versions: Object.fromEntries(those.map((one) => [one.shipment_id, one.handling.version])), ...JSON.parse(kind) });
    await Promise.all([count(), load(true)]);
  }

  async function handle(change, said) {
    const item = state.rows[state.at];
    if (!item) return;
    const path = `/v1/shipments/${item.shipment.id}/handling`;
    const undone = change.assignee ? { assignee: item.handling.assignee ?? "none" } : { awake: true };
    try {
      const told = await api("PUT", path, { ...change, version: item.handling.version });
      say(said, async () => { await api("PUT", path, { ...undone, version: told.version }); await Promise.all([count(), load(true)]); });
    } catch (trouble) {
      const by = names.get(trouble.told?.handling?.changed_by) ?? "somebody else";
      say(trouble.status === 409 ? `${by} changed this a moment ago. The list shows how it stands now.` : trouble.message);
    }
    await Promise.all([count(), load(true)]);
  }

  function filter() {
    const dialog = show("Filter", form([
      { name: "carrier", label: "Carrier, by its code", value: query.get("carrier") ?? "" },
      { name: "assignee", label: "Taken by", value: query.get("assignee") ?? "", options: [{ value: "", label: "anybody or nobody" }, { value: "none", label: "nobody" }, { value: "me", label: "you" }, ...[...names].map(([value, label]) => ({ value, label }))] },
      { name: "name", label: "Save it as (optional)" },
    ], "Show", async (values) => {
      const asked = new URLSearchParams({ queue: state.queue });
      if (values.carrier) asked.set("carrier", values.carrier);
      if (values.assignee) asked.set("assignee", values.assignee);
      if (values.name) await api("POST", "/v1/desk/filters", { name: values.name, query: asked.toString() });
      dialog.close();
      go(`/console/desk?${asked}`);
    }));
  }

  const onKey = ({ detail: key }) => {
    // Where the chosen one has left the queue, the next is the one that took its place.
    if (key === "j") choose(Math.min(state.at < 0 ? state.last : state.at + 1, state.rows.length - 1));
    else if (key === "k") choose(Math.max((state.at < 0 ? state.last : state.at) - 1, 0));
    else if (key === "e") handle({ assignee: "me" }, "It is yours");
    else if (key === "s") handle({ snoozed_until: tomorrow() }, "It sleeps until tomorrow, 8:00");
    else if (key === "E" && state.marked.size) many({ assignee: "me" });
    else if (key === "S" && state.marked.size) many({ snoozed_until: tomorrow() });
    else if (key === "x" && state.rows[state.at]) { const id = state.rows[state.at].shipment.id; state.marked.has(id) ? state.marked.delete(id) : state.marked.add(id); draw(); }
  };
  document.addEventListener("desk-key", onKey);
  const carriers = await carrierNames();
  const names = new Map((await api("GET", "/v1/people")).data.map((one) => [one.id, one.name]));
  await count();
  await load();
  const stop = follow(() => Promise.all([count(), load(true)]).catch(() => {}));
  return () => { stop(); document.removeEventListener("desk-key", onKey); state.closeShipment(); };
}

function tomorrow() {
  const at = new Date(Date.now() + 86400000);
  at.setHours(8, 0, 0, 0);
  return at.toISOString();
}

