// What the past teaches: promises kept, time on the way, how good arrivals were foretold, what recipients said.

import { api, complaint, fill, h, plural, say, skeleton } from "./lib.js";
import { go } from "./app.js";

const DAY = 86400000;
const BY = [["carrier", "Carrier"], ["service", "Service"], ["lane", "Lane"], ["carrier,lane", "Carrier and lane"], ["week", "Week"]];
const LEADS = { 72: "Three days before", 24: "A day before", 4: "Four hours before" };
const REASONS = { friendly: "friendly", on_time: "on time", careful: "careful", as_agreed: "as agreed", late: "late", unfriendly: "unfriendly", damaged: "damaged", wrong_place: "wrong place", did_not_ring: "did not ring" };
const weekDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const country = new Intl.DisplayNames("en", { type: "region" });
const number = (of) => of.toLocaleString("en-GB");
const isoDay = (at) => new Date(at).toISOString().slice(0, 10);

export async function open(main, _, query) {
  const asked = { to: query.get("to") || isoDay(Date.now()), from: "", carrier: query.get("carrier") ?? "", destination_country: query.get("destination_country") ?? "", by: query.get("by") || "carrier" };
  asked.from = query.get("from") || isoDay(Date.parse(asked.to) - 29 * DAY);
  const results = h("div", { class: "stack", "aria-live": "polite", "aria-busy": "true" }, h("section", { class: "card" }, skeleton()));
  const names = Object.fromEntries((await api("GET", "/v1/carriers")).data.map((one) => [one.code, one.name]));
  fill(main, h("div", { class: "stack" }, filters(asked, names), results));
  try {
    const kinds = [["on-time", onTime], ["transit-times", transit], ["eta-accuracy", accuracy], ["satisfaction", satisfaction]];
    const told = await Promise.all(kinds.map(([kind]) => api("GET", address(kind, asked, 50))));
    const nothing = told[0].total.arrived + told[0].total.returned === 0;
    fill(results, nothing ? empty(asked) : kinds.map(([kind, draw], index) => section(kind, draw(told[index], names), told[index], asked, names)));
  } catch (trouble) {
    fill(results, h("section", { class: "card" }, complaint(trouble)));
  }
  results.setAttribute("aria-busy", "false");
}

function address(kind, asked, limit, cursor) {
  const given = Object.entries({ ...asked, limit, cursor }).filter(([, value]) => value);
  return `/v1/insights/${kind}?${new URLSearchParams(given)}`;
}

function filters(asked, names) {
  const field = (name, label, control) => {
    control.id = `insights-${name}`;
    control.name = name;
    return h("div", { class: "field" }, h("label", { for: control.id }, label), control);
  };
  const pick = (options, value) => h("select", {}, ...options.map(([code, text]) => h("option", { value: code, selected: code === value }, text)));
  const chosen = (of) => go(`/console/insights?${new URLSearchParams(Object.entries(of).filter(([, value]) => value))}`);
  const quick = (days) => h("button", { type: "button", class: "button-2", onclick: () => chosen({ ...asked, to: isoDay(Date.now()), from: isoDay(Date.now() - (days - 1) * DAY) }) }, `${days} days`);
  const carriers = Object.entries(names).sort(([, one], [, other]) => one.localeCompare(other, "en"));
  const made = h("form", { class: "filters", "aria-label": "What to look at", onsubmit: (event) => { event.preventDefault(); chosen(Object.fromEntries([...new FormData(made)].map(([name, value]) => [name, name === "destination_country" ? value.trim().toUpperCase() : value]))); } },
    field("from", "From", h("input", { type: "date", value: asked.from, max: asked.to, required: true })),
    field("to", "To", h("input", { type: "date", value: asked.to, required: true })),
    field("carrier", "Carrier", pick([["", "All"], ...carriers], asked.carrier)),
    field("destination_country", "To country", h("input", { value: asked.destination_country, maxlength: 2, size: 4, pattern: "[A-Za-z]{2}", placeholder: "All", title: "Two letters, such as PT", autocomplete: "off" })),
    field("by", "Group by", pick(BY, asked.by)),
    h("button", { type: "submit", class: "button" }, "Show"));
  return h("section", { class: "card" }, h("header", { class: "row spread" }, h("h1", {}, "Insights"), h("div", { class: "row", role: "group", "aria-label": "The last days" }, h("span", { class: "small" }, "The last"), quick(7), quick(30), quick(90))), made);
}

function empty(asked) {
  const narrowed = asked.carrier || asked.destination_country;
  return h("section", { class: "card" }, h("h2", {}, "Nothing arrived in these days"), h("p", { class: "soft" }, narrowed ? "Not by this carrier or to this country. " : "Parcels count here once they are delivered, wait to be collected, or came back. ", "Choose more days", narrowed ? ", or show all carriers and countries." : "."), h("p", { class: "small" }, "Customers' returns are not counted."));
}

// One of the four: what it says of all, then group by group, and all of it as a file.
function section(kind, { title, says, facts, columns, rows, beneath }, told, asked, names) {
  const id = `insights-${kind}-title`;
  const more = told.next_cursor ? h("p", { class: "small" }, `The ${told.data.length} largest groups. The file has all.`) : null;
  const file = h("button", { type: "button", class: "button-2", "aria-label": `${title} as a CSV file`, onclick: (event) => download(event.currentTarget, kind, asked, names) }, "CSV");
  return h("section", { class: "card insight", "aria-labelledby": id }, h("header", { class: "row spread" }, h("h2", { id }, title), file), h("p", { class: "soft" }, says),
    facts ? h("dl", { class: "figures" }, ...facts.map(([name, value, note]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("strong", {}, value), note ? h("span", { class: "small" }, note) : null)))) : null,
    beneath ?? null, table(title, columns, rows), more);
}

function table(title, columns, rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title}, by group` }, h("table", { class: "numbers" },
    h("thead", {}, h("tr", {}, ...columns.map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, ...rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell) => h("td", {}, cell)))))));
}

function onTime({ total, data }, names) {
  const fact = (label, of) => [label, percent(of.on_time_share), of.promised ? `of ${number(of.promised)} with a promise` : "nothing was promised"];
  return {
    title: "On time",
    says: "Your promise to the recipient and the carrier's first word, held against the arrival. Early is on time; parcels without a promise count for neither.",
    facts: [fact("Your promise kept", total.merchant), fact("Carrier's promise kept", total.carrier), ["Arrived", number(total.arrived), total.waiting_for_pickup ? `${number(total.waiting_for_pickup)} wait to be collected` : null], ["Came back", number(total.returned), null]],
    columns: ["", "Arrived", "Your promise kept", "of", "Late by: half, 9 of 10 within", "Carrier's kept", "of", "Late by: half, 9 of 10 within"],
    rows: data.map((one) => [groupName(one.group, names), number(one.arrived), share(one.merchant.on_time_share), number(one.merchant.promised), halfAndMost(one.merchant.late_by_hours), share(one.carrier.on_time_share), number(one.carrier.promised), halfAndMost(one.carrier.late_by_hours)]),
  };
}

function transit({ total, data }, names) {
  const longest = Math.max(1, ...data.map((one) => one.transit_hours?.p90 ?? 0));
  const hours = (of, name) => (of.transit_hours ? span(of.transit_hours[name]) : "–");
  return {
    title: "Time on the way",
    says: "From the carrier's first physical scan until the recipient could have it.",
    facts: [["Half arrive within", hours(total, "p50"), `of ${plural(total.measured, "parcel")}`], ["Nine of ten within", hours(total, "p90"), null], ["All but one in a hundred within", hours(total, "p99"), null]],
    columns: ["", "Parcels", "A tenth within", "Half within", "Nine of ten within", "All but 1 in 100", "From a tenth to nine of ten"],
    rows: data.map((one) => [groupName(one.group, names), number(one.measured), hours(one, "p10"), hours(one, "p50"), hours(one, "p90"), hours(one, "p99"), range(one.transit_hours, longest)]),
  };
}

function accuracy({ total, data }, names) {
  const off = (of) => (of.told ? halfAndMost(of.off_hours) : "–");
  const leads = total.ours.map((ours, index) => [LEADS[ours.lead_hours], off(total.carrier[index]), percent(total.carrier[index].told_share), off(ours), percent(ours.told_share), percent(ours.by_p90_share)]);
  const dayBefore = (of) => of.find((one) => one.lead_hours === 24);
  return {
    title: "How good arrivals were foretold",
    says: "How far off each voice was, either way: half of the time and nine times of ten within. We also say by when nine of ten should be there: near 90 % should be.",
    beneath: h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "How far off, by time before the arrival" }, h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ...["", "Carrier off by", "Carrier had said", "We were off by", "We had said", "There by our nine of ten"].map((one) => h("th", { scope: "col" }, one)))), h("tbody", {}, ...leads.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell) => h("td", {}, cell))))))),
    columns: ["A day before", "Arrived", "Carrier off by", "Carrier had said", "We were off by", "There by our nine of ten", "Your promise off by"],
    rows: data.map((one) => [groupName(one.group, names), number(one.arrived), off(dayBefore(one.carrier)), percent(dayBefore(one.carrier).told_share), off(dayBefore(one.ours)), percent(dayBefore(one.ours).by_p90_share), off(one.merchant)]),
  };
}

function satisfaction({ total, data }, names) {
  const stars = (of) => (of.average === null ? "–" : `${of.average.toFixed(2)} ★`);
  const why = (of) => Object.entries(of.reasons).sort(([, one], [, other]) => other - one).slice(0, 3).map(([reason, count]) => `${REASONS[reason] ?? reason} ${number(count)}`).join(", ") || "–";
  return {
    title: "Satisfaction",
    says: "What recipients said on the tracking page. Low is one or two stars.",
    facts: [["Stars of five", stars(total), `from ${plural(total.rated, "rating")}`], ["Low", percent(total.low_share), total.low ? `${number(total.low)} ratings` : null], ["Rated", percent(total.rated_share), "of what arrived"], ["Most said", why(total), null]],
    columns: ["", "Rated", "Stars", "Low", "Most said"],
    rows: data.map((one) => [groupName(one.group, names), number(one.rated), stars(one), share(one.low_share, "bad"), why(one)]),
  };
}

function groupName(group, names) {
  const region = (code) => { try { return country.of(code); } catch { return code; } };
  const parts = [];
  if (group.week) parts.push(`Week of ${weekDay.format(new Date(group.week))}`);
  if (group.carrier) parts.push([names[group.carrier] ?? group.carrier, group.service].filter(Boolean).join(", "));
  if (group.origin_country && group.destination_country) parts.push(`${region(group.origin_country)} → ${region(group.destination_country)}`);
  else if (group.destination_country) parts.push(`to ${region(group.destination_country)}`);
  else if (group.origin_country) parts.push(`from ${region(group.origin_country)}`);
  return parts.join(", ") || "Not told";
}

const percent = (of) => (of === null ? "–" : `${(100 * of).toLocaleString("en-GB", { maximumFractionDigits: of > 0.99 && of < 1 ? 1 : 0 })} %`);

// Hours as people say them.
function span(hours) {
  if (hours < 1) return `${Math.max(1, Math.round(hours * 60))} min`;
  return hours < 48 ? `${number(Math.round(hours * 2) / 2)} h` : `${(hours / 24).toLocaleString("en-GB", { maximumFractionDigits: 1 })} days`;
}

const halfAndMost = (of) => (of ? `${span(of.p50)}, ${span(of.p90)}` : "–");

function drawing(...shapes) {
  const make = (name, of) => { const made = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, value] of Object.entries(of)) made.setAttribute(key, value); return made; };
  const drawn = make("svg", { viewBox: "0 0 100 10", class: "bar", "aria-hidden": "true", preserveAspectRatio: "none" });
  drawn.append(make("rect", { x: 0, y: 0, width: 100, height: 10, class: "bar-ground" }), ...shapes.map((of) => make("rect", { y: 0, height: 10, ...of })));
  return drawn;
}

function share(of, tone = "good") {
  return of === null ? "–" : h("span", { class: "share" }, drawing({ x: 0, width: 100 * of, class: `bar-${tone}` }), percent(of));
}

function range(of, longest) {
  if (!of) return "–";
  const at = (hours) => (100 * Math.min(hours, longest)) / longest;
  return drawing({ x: at(of.p10), width: Math.max(1, at(of.p90) - at(of.p10)), class: "bar-move" }, { x: Math.max(0, at(of.p50) - 1), width: 2, class: "bar-mark" });
}

// Everything of one question, page by page, flat: a column for each figure.
async function download(at, kind, asked, names) {
  at.disabled = true;
  try {
    const found = [];
    let cursor = "";
    do {
      const page = await api("GET", address(kind, asked, 200, cursor));
      found.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor && found.length < 20000);
    const rows = found.map((one) => Object.assign({ name: groupName(one.group, names) }, ...Object.entries(one).map(([key, value]) => flat(key === "group" ? "" : key, value))));
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((line) => line.map(cell).join(","));
    const link = h("a", { href: URL.createObjectURL(new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv" })), download: `${kind}-${asked.from}-${asked.to}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say(`${plural(rows.length, "group")} saved`);
  } catch (trouble) {
    say(trouble.message);
  } finally {
    at.disabled = false;
  }
}

function flat(name, value) {
  if (value === null || typeof value !== "object") return { [name]: value };
  const key = (part, of) => [name, Array.isArray(value) ? (of.lead_hours ?? part) : part].filter((one) => one !== "").join(".");
  return Object.assign({}, ...Object.entries(value).map(([part, of]) => flat(key(part, of), of)));
}

// A carrier's words must not become a formula where the file is opened.
function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
