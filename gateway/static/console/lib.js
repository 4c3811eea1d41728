// What all views share: elements, calls to the API, and how times, statuses and problems are said.

const shell = document.querySelector("#app");
export const who = JSON.parse(shell.dataset.who);
export const words = who.words;

// Makes an element: `h("a", {href, onclick, class}, "text", child)`. What is null or false is left out.
export function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

// Puts new content in an element's place; what is null or false is left out, as in `h`. The focus stays where it was.
export function fill(at, ...content) {
  const back = at.contains(document.activeElement) ? remembered(at) : null;
  at.replaceChildren(...content.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  back?.(at.tagName !== "MAIN"); // another view may stand there now
}

const ABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']";
const labelOf = (one) => `${one.tagName} ${one.closest("[data-row]")?.dataset.row ?? one.getAttribute("aria-label") ?? one.closest("label")?.textContent ?? (one.name || one.textContent)}`;

// Remembers what has the focus; the function it returns gives the focus, where it was lost, to its like within `at`, or to what is
// now in its place.
function remembered(at) {
  const able = () => [...at.querySelectorAll(ABLE)].filter((one) => one.getClientRects().length);
  const had = document.activeElement;
  const label = labelOf(had);
  const before = able();
  const [place, turn] = [before.indexOf(had), before.filter((one) => labelOf(one) === label).indexOf(had)];
  return (nearby) => {
    if (document.activeElement !== document.body || place < 0) return;
    const now = able();
    const alike = now.filter((one) => labelOf(one) === label);
    (alike[turn] ?? alike[0] ?? (nearby ? now[Math.min(place, now.length - 1)] : null))?.focus({ preventScroll: true });
  };
}

// What an API call said no with: RFC 9457, with the fields that are wrong.
export class Problem extends Error {
  constructor(status, told) {
    super(told.detail || told.title || `The gateway answered ${status}.`);
    this.status = status;
    this.told = told;
    this.errors = told.errors ?? [];
  }
}

let leaving = false;

// What is still asked while somebody signs out is refused, and leads nowhere.
export function signingOut() {
  leaving = true;
}

export async function api(method, path, body) {
  const options = { method, headers: { "X-Console": "1", Accept: "application/json" } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Problem(0, { title: "The gateway cannot be reached. Are you offline?" });
  }
  if (answer.status === 401) await toTheDoor();
  const told = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, told ?? {});
  return told;
}

// Leads whoever is signed out to the door; nothing goes on here.
export function toTheDoor() {
  if (!leaving) location.assign(`/console/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  return new Promise(() => {});
}

const sameDay = (one, other) => one.toDateString() === other.toDateString();
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

// An instant in the reader's own time: "14:10", "Tue 3 Nov, 14:10", "3 Nov 2025".
export function when(instant) {
  if (!instant) return "";
  const at = new Date(instant);
  const now = new Date();
  if (sameDay(at, now)) return `today, ${clock.format(at)}`;
  if (sameDay(at, new Date(now.getTime() - 86400000))) return `yesterday, ${clock.format(at)}`;
  if (Math.abs(now - at) < 300 * 86400000) return `${day.format(at)}, ${clock.format(at)}`;
  return dayOfYear.format(at);
}

export function timeOf(instant) {
  return instant ? h("time", { datetime: instant, title: new Date(instant).toLocaleString("en-GB") }, when(instant)) : "";
}

// How long ago: "3 d", "5 h", "12 min".
export function age(instant) {
  const minutes = Math.max(0, Math.round((Date.now() - new Date(instant)) / 60000));
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 2880) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} d`;
}

export function ago(instant) {
  return Date.now() - new Date(instant) < 60000 ? "just now" : `${age(instant)} ago`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

// The names carriers go by, by code; asked for once.
let names = null;
export function carrierNames() {
  names ??= all("/v1/carriers").then((found) => Object.fromEntries(found.map((one) => [one.code, one.name]))).catch(() => { names = null; return {}; });
  return names;
}

export function statusWords(status, substatus) {
  return words.substatus[status]?.[substatus] ?? words.status[status] ?? status.replaceAll("_", " ");
}

// What can be said to have happened, as options of a form: each status, then its details. Values are "status/substatus".
export function happenings(without = []) {
  return Object.keys(words.status).filter((one) => !without.includes(one)).flatMap((one) => [
    { value: `${one}/other`, label: words.status[one] },
    ...Object.entries(words.substatus[one] ?? {}).filter(([detail]) => detail !== "other").map(([detail, text]) => ({ value: `${one}/${detail}`, label: `${words.status[one]}: ${text}` })),
  ]);
}

const TONES = { in_transit: "move", out_for_delivery: "move", attempt_failed: "bad", available_for_pickup: "wait", delivered: "good", exception: "bad", returning: "move", returned: "good", refunded: "good", expired: "bad" };
const SIGNS = { delivered: "✓", refunded: "✓", returned: "↩", returning: "↩", out_for_delivery: "▸", in_transit: "→", attempt_failed: "✕", exception: "!", expired: "!", available_for_pickup: "⌂", cancelled: "⊘", unknown: "?" };

// A status always has a shape, a word and a colour.
export function status(of) {
  return h("span", { class: `status tone-${TONES[of.status] ?? "still"}` }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[of.status] ?? "·"), h("span", {}, statusWords(of.status, of.substatus)));
}

export function troubleWords(kind) {
  return words.queues[kind] ?? kind.replaceAll("_", " ");
}

// A text with a button that copies it. `what` names it where it is said: the text itself may be a secret.
export function copyable(text, what) {
  const button = h("button", { type: "button", class: "quiet copy", "aria-label": `Copy the ${what}`, onclick: async () => {
    await navigator.clipboard.writeText(text);
    say(`The ${what} is copied`);
  } }, "Copy");
  return h("span", { class: "copyable" }, h("bdi", { class: "number" }, text), button);
}

const teller = h("div", { class: "tell", role: "status", "aria-live": "polite" });
document.body.append(teller);
let fading;

// Undoes what was said last, as long as that stands there and can be undone.
export let undoLast = () => {};

// Says something that goes away by itself, with what undoes it where something can.
export function say(text, undo) {
  const away = () => { clearTimeout(fading); teller.replaceChildren(); undoLast = () => {}; };
  away();
  if (undo) undoLast = () => { away(); undo(); };
  fill(teller, h("p", {}, text, undo ? h("button", { type: "button", class: "quiet", "aria-keyshortcuts": "u", onclick: () => undoLast() }, "Undo") : null));
  fading = setTimeout(away, undo ? 10000 : 4000);
}

export function complaint(trouble) {
  const lines = trouble.errors?.length ? trouble.errors.map((one) => `${one.pointer.replace(/^[/?]/, "") || "request"}: ${one.detail}`) : [trouble.message];
  return h("div", { class: "problem", role: "alert" }, ...lines.map((line) => h("p", {}, line)));
}

// Runs an act of a button or form: it waits, says what went wrong beside it, and cannot be pressed twice.
export async function act(at, work) {
  if (at.getAttribute("aria-disabled") === "true") return undefined; // not `disabled`: that would take the focus away
  const form = at.closest("form, section, dialog, li, tr") ?? document.body;
  form.querySelectorAll(":scope > .problem").forEach((one) => one.remove());
  at.setAttribute("aria-disabled", "true");
  try {
    return await work();
  } catch (trouble) {
    if (!(trouble instanceof Problem)) throw trouble;
    if (form.tagName === "TR" || form.tagName === "LI") say(trouble.message);
    else form.append(complaint(trouble));
    return undefined;
  } finally {
    at.removeAttribute("aria-disabled");
  }
}

export function button(text, work, props = {}) {
  return h("button", { type: "button", class: "button-2", ...props, onclick: (event) => act(event.currentTarget, () => work(event)) }, text);
}

// A form of labelled fields; `work` gets their values. Empty fields are left out.
export function form(fields, text, work, props = {}) {
  const rows = fields.map((field) => {
    const id = `f-${field.name}-${Math.random().toString(36).slice(2, 8)}`;
    const { label, help, options, ...rest } = field;
    const control = options
      ? h("select", { id, ...rest }, ...options.map((one) => h("option", { value: one.value ?? one, selected: (one.value ?? one) === field.value }, one.label ?? one)))
      : field.type === "textarea" ? h("textarea", { id, rows: 3, ...rest, type: null }) : h("input", { id, ...rest });
    return h("div", { class: field.type === "checkbox" ? "field check" : "field" }, h("label", { for: id }, label), control, help ? h("p", { class: "small" }, help) : null);
  });
  const submit = h("button", { type: "submit", class: "button" }, text);
  return h("form", { class: "stack", ...props, onsubmit: (event) => {
    event.preventDefault();
    const made = event.currentTarget;
    const values = Object.fromEntries(fields.map((field) => {
      const control = made.elements.namedItem(field.name);
      return [field.name, field.type === "checkbox" ? control.checked : control.value.trim()];
    }).filter(([, value]) => value !== ""));
    act(submit, () => work(values, made));
  } }, ...rows, submit);
}

// Asks once before what cannot be undone.
export function sure(question, text) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "card", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      h("p", {}, question),
      h("form", { method: "dialog", class: "row" }, h("button", { class: "button-2", value: "no", autofocus: true }, "Keep it as it is"), h("button", { class: "button danger", value: "yes" }, text)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function show(title, ...content) {
  const back = remembered(document.body);
  const dialog = h("dialog", { class: "card wide", onclose: () => { dialog.remove(); back(false); }, "aria-label": title },
    h("header", { class: "row spread" }, h("h2", {}, title), h("form", { method: "dialog" }, h("button", { class: "button-2", autofocus: true }, "Close"))), ...content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function table(columns, rows, empty) {
  if (rows.length === 0) return h("p", { class: "empty" }, empty);
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": columns[0] }, h("table", {}, h("thead", {}, h("tr", {}, ...columns.map((one) => h("th", { scope: "col" }, one)))), h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell)))))));
}

export const skeleton = () => h("div", { class: "skeleton", "aria-hidden": "true" }, h("div"), h("div"), h("div"));

// All pages of a list, up to a bound.
export async function all(path, most = 500) {
  const found = [];
  let cursor = null;
  do {
    const page = await api("GET", path + (cursor ? `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : ""));
    found.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor && found.length < most);
  return found;
}

export const staff = who.role === "merchant" || who.role === "support";
export const owner = who.role === "merchant";
