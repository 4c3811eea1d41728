// The courier's page: what is done at a stop is shown at once, kept in the phone, and sent when there is a network.

import { Glass, scaled } from "./courier-pictures.js";
import { Queue } from "./courier-queue.js";
import { Share } from "./courier-share.js";

const page = document.querySelector("#page");
const words = JSON.parse(page.dataset.words);
const numbers = new Intl.NumberFormat(page.dataset.lang);
const plural = new Intl.PluralRules(page.dataset.lang);
const NEXT = { open: ["loaded", "on_the_way"], loaded: ["on_the_way", "arrived"], on_the_way: ["arrived"], arrived: [], failed: ["on_the_way"], delivered: [] };
const OVER = new Set(["delivered", "failed"]);

// What is delivered stays so, and what could not be delivered is not merely loaded again: another phone may be ahead.
const after = (state, deed) => state === "delivered" || (state === "failed" && deed === "loaded") ? state : deed;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const stopOf = (id) => document.getElementById(id);

// Now on the wall clock of the phone, with its offset: what the courier sees is what is told.
function now() {
  const at = new Date();
  const minutes = -at.getTimezoneOffset();
  const two = (count) => String(Math.floor(count)).padStart(2, "0");
  const wall = new Date(at.getTime() + minutes * 60000).toISOString().slice(0, -1);
  return `${wall}${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

function show(stop, state, unsent) {
  stop.dataset.state = state;
  stop.querySelector(".state-words").textContent = words[`state.${state}`];
  stop.querySelector(".unsent").hidden = !unsent;
  for (const button of stop.querySelectorAll("[data-act]")) button.hidden = !NEXT[state].includes(button.dataset.act);
  for (const button of stop.querySelectorAll("[data-open]")) button.hidden = state === "delivered" || (state === "failed" && button.dataset.open === "fail");
  for (const link of stop.querySelectorAll(".way, .call")) link.hidden = OVER.has(state);
}

function count() {
  const stops = [...document.querySelectorAll(".stop")];
  const line = document.querySelector("#progress");
  line.textContent = fill(line.dataset.words, { done: numbers.format(stops.filter((one) => OVER.has(one.dataset.state)).length), total: numbers.format(stops.length) });
  const all = document.querySelector("#load-all");
  if (all) all.hidden = stops.filter((one) => one.dataset.state === "open").length < 2;
}

function complain(stop, reason) {
  const line = stop.querySelector(".problem");
  line.textContent = reason === "" ? "" : words[`problem.${reason}`] ?? words["problem.unreadable"];
  line.hidden = reason === "";
}

const queue = new Queue(page.dataset.path);
const share = new Share(queue, (name) => {
  const line = document.querySelector("#share-problem");
  line.textContent = name === "" ? "" : words[name];
  line.hidden = name === "";
  press();
});

async function reckon() {
  const acts = await queue.acts();
  const waits = document.querySelector("#waiting");
  waits.hidden = acts.length === 0;
  if (acts.length > 0) waits.textContent = fill(words.waiting[plural.select(acts.length)] ?? words.waiting.other, { count: numbers.format(acts.length) });
  for (const stop of document.querySelectorAll(".stop")) show(stop, stop.dataset.told, false);
  for (const act of acts) if (stopOf(act.stop)) act.act === "say" ? echo(act) : show(stopOf(act.stop), after(stopOf(act.stop).dataset.state, act.act), true);
  count();
}

// What was said and is not written down yet stands below what was.
function echo(act) {
  if (document.getElementById(`said-${act.id}`)) return;
  const line = document.createElement("li");
  line.id = `said-${act.id}`;
  line.className = "mine";
  const who = document.createElement("span");
  who.className = "small";
  who.textContent = `${words.you} · ${words.unsent}`;
  const what = document.createElement("span");
  what.dir = "auto";
  what.textContent = act.words;
  line.append(who, " ", what);
  stopOf(act.stop).querySelector(".uttered").append(line);
}

function mark(act) {
  const stop = stopOf(act.stop);
  if (stop === null) return;
  if (act.act === "say") {
    const line = document.querySelector(`#said-${CSS.escape(act.id)} .small`);
    if (line) line.textContent = words.you;
    return;
  }
  stop.dataset.told = after(stop.dataset.told, act.act);
  stop.dataset.at = String(Date.parse(act.at));
}

queue.heard = async (said, reached) => {
  document.querySelector("#offline").hidden = reached;
  if (said.ended) { document.querySelector("#ended").hidden = false; return; }
  for (const id of said.taken) if (pending.has(id)) { const act = pending.get(id); retries.delete(act.stop); sent.delete(id); mark(act); pending.delete(id); }
  for (const one of said.refused) {
    const act = pending.get(one.id);
    if (act && stopOf(act.stop)) { complain(stopOf(act.stop), one.reason); stopOf(act.stop).querySelector(".problem").scrollIntoView({ block: "nearest" }); }
    if (act && one.reason.startsWith("pin_") && sent.has(one.id)) retries.set(act.stop, sent.get(one.id));
    sent.delete(one.id);
    pending.delete(one.id);
  }
  await reckon();
};

const pending = new Map(); // act id -> act, of what the queue holds
const sent = new Map(); // act id -> act and pictures, until the gateway has it
const retries = new Map(); // stop id -> what was entered and came back

async function act(stop, what, more = {}, files = []) {
  const made = { id: crypto.randomUUID(), stop: stop.id, at: now(), act: what, place: share.place, ...more, kept: Date.now() + performance.now() / 1e7 };
  pending.set(made.id, made);
  if (files.length > 0 || more.pin) sent.set(made.id, { act: made, files });
  complain(stop, "");
  await queue.add(made, files);
  await reckon();
}

// --- forms -----------------------------------------------------------------

const glass = new Glass(document.querySelector("#give-sign"));
let current = null;
let photos = [];

function openForm(name, stop) {
  const dialog = document.querySelector(`#${name}`);
  current = stop;
  photos = [];
  dialog.querySelector("form").reset();
  dialog.querySelector(".whose bdi").textContent = stop.dataset.name;
  dialog.querySelector(".problem").textContent = "";
  for (const line of dialog.querySelectorAll(".taken")) line.textContent = "";
  const needs = stop.dataset.needs.split(" ").filter(Boolean);
  for (const field of dialog.querySelectorAll("[data-for]")) field.hidden = field.dataset.for !== "photo" && !needs.includes(field.dataset.for);
  if (name === "give") {
    document.querySelector("#give-cannot-field").hidden = needs.length === 0;
    const age = document.querySelector("#give-age");
    age.textContent = Number(stop.dataset.age) > 0 ? fill(age.dataset.words, { age: numbers.format(Number(stop.dataset.age)) }) : "";
  }
  dialog.showModal();
  if (name === "give") {
    glass.clear();
    const before = retries.get(stop.id);
    if (before !== undefined) takeUp(dialog.querySelector("form").elements, before);
  }
}

// A delivery that came back for its PIN keeps all else that was entered.
function takeUp(form, { act: before, files }) {
  form.to.value = before.to;
  form.name.value = before.name;
  form.note.value = before.note;
  form.checked_id.checked = before.checked_id;
  photos = files.filter((one) => one.kind === "photo").map((one) => one.blob);
  if (photos.length > 0) sayTaken(document.querySelector("#give .taken"));
  const ink = files.find((one) => one.kind === "signature");
  if (ink) glass.show(ink.blob);
  form.pin.focus();
}

function sayTaken(line) {
  line.textContent = fill(words["give.taken"][plural.select(photos.length)] ?? words["give.taken"].other, { count: numbers.format(photos.length) });
}

document.querySelector("#give-clear").addEventListener("click", () => glass.clear());

for (const input of document.querySelectorAll("input.photo")) {
  input.addEventListener("change", async () => {
    const line = input.closest(".field").querySelector(".taken");
    for (const file of input.files) {
      try {
        photos.push(await scaled(file));
      } catch {
        line.textContent = words["problem.unreadable"];
        return;
      }
    }
    input.value = "";
    sayTaken(line);
  });
}

// What the shipment asks for and is not there yet.
function missing(form) {
  const has = {
    photo: photos.length > 0,
    signature: glass.drawn,
    name: form.name.value.trim() !== "",
    pin: /^[0-9]{4,8}$/.test(form.pin.value.trim()),
    id_check: form.checked_id.checked,
  };
  const needs = new Set(current.dataset.needs.split(" ").filter(Boolean));
  if (form.to.value === "neighbour") needs.add("name"); // who else could find it again
  return [...needs].filter((need) => !has[need]);
}

const picture = (kind, blob) => ({ id: crypto.randomUUID(), kind, blob });

async function give(form) {
  const line = document.querySelector("#give .problem");
  const lacks = missing(form);
  const cannot = document.querySelector("#give-cannot").checked;
  if (lacks.length > 0 && !cannot) {
    line.textContent = fill(words["give.missing"], { what: new Intl.ListFormat(page.dataset.lang).format(lacks.map((need) => words[`need.${need}`])) });
    return false;
  }
  if (lacks.length > 0 && form.note.value.trim() === "") { line.textContent = words["give.say_why"]; form.note.focus(); return false; }
  const files = photos.map((blob) => picture("photo", blob));
  if (glass.drawn) files.push(picture("signature", await glass.picture()));
  await act(current, "delivered", {
    to: form.to.value,
    name: form.name.value.trim(),
    note: form.note.value.trim(),
    pin: form.pin.value.trim(),
    checked_id: form.checked_id.checked,
    photos: files.filter((one) => one.kind === "photo").map((one) => one.id),
    signature: files.find((one) => one.kind === "signature")?.id ?? null,
  }, files);
  return true;
}

async function fail(form) {
  const files = photos.map((blob) => picture("photo", blob));
  await act(current, "failed", { reason: form.reason.value, note: form.note.value.trim(), photos: files.map((one) => one.id) }, files);
  return true;
}

for (const [name, done] of [["give", give], ["fail", fail]]) {
  const dialog = document.querySelector(`#${name}`);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = dialog.querySelector("[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    try {
      if (await done(event.target.elements)) { dialog.close(); focusOn(current); }
    } finally {
      button.disabled = false;
    }
  });
}

// After a stop is done the next one is at hand.
function focusOn(stop) {
  const left = [...document.querySelectorAll(".stop")].find((one) => !OVER.has(one.dataset.state)) ?? stop;
  const heading = left.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus();
}

document.querySelector("#list").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = event.target.querySelector("input");
  const said = input.value.trim();
  if (said === "") return;
  input.value = "";
  await act(event.target.closest(".stop"), "say", { words: said, place: undefined });
});

document.querySelector("#list").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button === null) return;
  const stop = button.closest(".stop");
  if (button.dataset.open) openForm(button.dataset.open, stop);
  else if (button.dataset.act) await act(stop, button.dataset.act);
  else if (button.id === "load-all") for (const one of document.querySelectorAll('.stop[data-state="open"]')) await act(one, "loaded");
});

// The same control of the same stop, after the list was written anew.
function again(stop, held) {
  if (stop === null) return null;
  if (held.matches(".say input")) return stop.querySelector(".say input");
  const { act: deed, open } = held.dataset;
  if (deed || open) return stop.querySelector(deed ? `[data-act="${deed}"]` : `[data-open="${open}"]`);
  const heading = stop.querySelector("h2");
  heading.tabIndex = -1;
  return heading;
}

// --- the list as the shop has it now ---------------------------------------

async function refresh() {
  if (document.querySelector("dialog[open]") || !navigator.onLine) return;
  try {
    const answer = await fetch(page.dataset.self, { headers: { Accept: "text/html" }, cache: "no-cache" });
    if (answer.status === 404) { document.querySelector("#ended").hidden = false; return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#list");
    if (fresh === null) return;
    const old = document.querySelector("#list");
    const held = document.activeElement;
    const holds = held?.closest(".stop")?.id;
    for (const stop of fresh.querySelectorAll(".stop")) {
      const known = stopOf(stop.id);
      if (known === null) continue;
      // What this phone did last is newer than what the gateway knew when it wrote the page.
      if (stop.dataset.told !== "delivered" && Number(stop.dataset.at) < Number(known.dataset.at)) { stop.dataset.told = known.dataset.told; stop.dataset.at = known.dataset.at; }
      stop.querySelector(".problem").replaceWith(known.querySelector(".problem"));
      stop.querySelector(".say input").value = known.querySelector(".say input").value;
      if (known.querySelector(".talk details").open) stop.querySelector(".talk details").open = true;
    }
    old.replaceChildren(...fresh.childNodes);
    await reckon();
    if (holds) again(stopOf(holds), held)?.focus();
  } catch {
    document.querySelector("#offline").hidden = false;
  }
}

// --- sharing ---------------------------------------------------------------

const button = document.querySelector("#share");
const REMEMBERED = `shares ${page.dataset.path}`;

function press() {
  button.setAttribute("aria-pressed", String(share.on));
  button.textContent = words[share.on ? "share.on" : "share.off"];
}

button.addEventListener("click", () => {
  if (share.on) { share.stop(); share.say(""); } else { share.say(""); share.start(); }
  sessionStorage.setItem(REMEMBERED, share.on ? "yes" : "");
  press();
});

// --- beginning -------------------------------------------------------------

document.querySelector("#lang").addEventListener("change", (event) => event.target.form.submit());
document.querySelector(".languages button").hidden = true;
window.addEventListener("offline", () => { document.querySelector("#offline").hidden = false; });
window.addEventListener("online", () => { queue.wait = 2000; queue.send(); refresh(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { queue.send(); refresh(); } });
setInterval(() => { if (!document.hidden) refresh(); }, 20000);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/c/worker.js", { scope: "/c/" }).catch(() => {});

await queue.open();
for (const one of await queue.acts()) pending.set(one.id, one);
await reckon();
page.dataset.ready = "yes";
queue.send();
if (sessionStorage.getItem(REMEMBERED) === "yes") { share.start(); press(); }
navigator.storage?.persist?.();
