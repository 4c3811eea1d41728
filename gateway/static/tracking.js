// The tracking page comes alive: what the server wrote is replaced when there is news, the courier moves, and the last
// state stays to be read without a network. Without this script everything but the map and the movement is there.

const page = document.querySelector("#page");
const offline = document.querySelector("#offline");
if (location.pathname !== new URL(page.dataset.self, location).pathname) history.replaceState(null, "", page.dataset.self); // after a form
let map = null;
let fetching = false;
let again = false;
let stops;

function drawMap() {
  const place = document.querySelector("#map");
  if (map === null && document.querySelector("#map-card").hidden) return;
  import("./map.js").then((module) => {
    map = module.open(place, JSON.parse(place.dataset.map), map);
  });
}

// Parts that keep what their reader does with them: a map that was moved, a field that is written in, an answer to a
// form that stands to be read.
const keeps = (part) => part.id === "map-card" || (part !== document.activeElement && part.contains(document.activeElement)) || part.querySelector("[role=alert]") !== null;

function take(text, answered = null) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const main = fresh.querySelector("#page");
  if (main === null) return location.reload(); // the link has ended: the page says so
  document.title = fresh.title;
  const open = new Set([...page.querySelectorAll("details[id][open]")].map((one) => one.id));
  const old = new Map([...page.children].filter((one) => one.id).map((one) => [one.id, one]));
  let before = null;
  for (const part of [...main.children]) {
    const known = old.get(part.id);
    old.delete(part.id);
    let now = known;
    if (part.id === "offline") now = offline;
    else if (known === undefined) { now = document.adoptNode(part); }
    else if (part.id === "map-card") takeMap(known, part);
    else if ((known === answered || !keeps(known)) && known.outerHTML !== part.outerHTML) {
      const focused = known === document.activeElement;
      now = document.adoptNode(part);
      known.replaceWith(now);
      if (focused) now.focus({ preventScroll: true });
    }
    if (before === null ? now !== page.firstElementChild : before.nextElementSibling !== now) {
      before === null ? page.prepend(now) : before.after(now);
    }
    before = now;
  }
  for (const gone of old.values()) if (gone === answered || !keeps(gone) || !document.activeElement.value) gone.remove();
  for (const id of open) page.querySelector(`details#${CSS.escape(id)}`)?.setAttribute("open", "");
  ready();
}

function takeMap(known, part) {
  known.hidden = part.hidden;
  known.querySelector("#map").dataset.map = part.querySelector("#map").dataset.map;
  for (const id of ["blurred", "stale"]) {
    const line = known.querySelector(`#${id}`);
    const told = part.querySelector(`#${id}`);
    line.hidden = told.hidden;
    if (line.textContent !== told.textContent) line.textContent = told.textContent;
  }
  drawMap();
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    const answer = await fetch(page.dataset.self, { headers: { Accept: "text/html" }, cache: "no-cache" });
    if (answer.status >= 500) throw new Error("away"); // what stands here is better than what a proxy says
    online(answer.headers.get("X-From-Cache") === null);
    take(await answer.text());
  } catch {
    online(false);
  } finally {
    fetching = false;
    if (again) { again = false; refresh(); }
  }
}

function online(is) {
  offline.hidden = is;
}

function live() {
  const stream = new EventSource(page.dataset.live);
  let opened = false;
  stream.addEventListener("open", () => {
    online(true);
    if (opened) refresh(); // what came while the line was down
    opened = true;
  });
  stream.addEventListener("error", () => {
    if (!navigator.onLine) online(false);
    // A browser gives a stream up for good where it was answered with anything but a stream.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => { if (stream === watching) { watching = null; watch(); } }, 3000 + Math.random() * 3000);
  });
  stream.addEventListener("courier", (event) => {
    const told = JSON.parse(event.data);
    if (map !== null && told.position !== null) map.move(told);
    else refresh();
    document.querySelector("#blurred").hidden = told.precision !== "blurred" || told.position === null;
    const first = told.position?.stops_before;
    if (stops !== undefined && first !== stops) refresh(); // the words say how many come first
    stops = first;
    if (told.stale || told.position === null || !document.querySelector("#stale").hidden) refresh();
  });
  stream.addEventListener("changed", refresh);
  stream.addEventListener("talk", refresh);
  return stream;
}

// A page in the background needs no stream: phones would cut it anyway, and the courier is drawn afresh on return.
let watching = null;
function watch() {
  if (document.hidden) { watching?.close(); watching = null; return; }
  if (watching === null) { watching = live(); if (started) refresh(); started = true; }
}
let started = false;

function ready() {
  for (const button of page.querySelectorAll("button[data-copy]")) {
    button.hidden = !navigator.clipboard;
  }
  const push = page.querySelector("#push-on");
  if (push !== null) push.hidden = !("PushManager" in window && "Notification" in window && "serviceWorker" in navigator);
}

page.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button === null) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = button.dataset.done;
});

// Forms marked so are sent without leaving the page; what is wrong stands in the fresh part that comes back.
page.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("live" in form.dataset)) return;
  event.preventDefault();
  const sent = new FormData(form, event.submitter);
  const button = event.submitter;
  if (button) button.disabled = true;
  try {
    if (button?.id === "push-on" && !(await withBrowser(sent, button.dataset.key))) return;
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(sent), headers: { Accept: "text/html" } });
    if (answer.status >= 500) throw new Error("away");
    take(await answer.text(), form.closest("#page > section"));
    if (answer.ok) document.getElementById(form.dataset.live)?.focus();
  } catch {
    online(false);
  } finally {
    if (button) button.disabled = false;
  }
});

// Put this browser's own address into a form; false where its owner does not want that.
async function withBrowser(sent, key) {
  const allowed = await Notification.requestPermission() === "granted";
  page.querySelector("#push-off").hidden = allowed;
  if (!allowed) return false;
  const worker = await navigator.serviceWorker.ready;
  const bytes = Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes });
  sent.set("channel", "push");
  sent.set("address", JSON.stringify(subscription));
  return true;
}

window.addEventListener("offline", () => online(false));
window.addEventListener("online", refresh);
document.addEventListener("visibilitychange", watch);

document.querySelector("#lang").addEventListener("change", (event) => event.target.form.submit());
document.querySelector(".languages button").hidden = true;

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register(page.dataset.worker, { scope: "/t/" }).catch(() => {});
}
online(navigator.onLine);
ready();
drawMap();
watch();
