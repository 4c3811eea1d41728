// Keeps the last state of each tracking page, so that a phone without a network still shows it. Pages: the network first,
// and what is kept where there is none. Files under /static/ never change, so what is kept of them is as good.

const KEPT = "tracking-1";
const MOST = 60;
const FIRST_TRY = 6000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clean()));

async function clean() {
  for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(keptFirst(request));
  else if (/^\/t\/[A-Za-z0-9_-]{24}(\/(brand\.css|logo\.png|app\.webmanifest))?$/.test(url.pathname)) event.respondWith(freshFirst(request));
});

async function keptFirst(request) {
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) await keep(request, answer.clone());
  return answer;
}

async function freshFirst(request) {
  let answer;
  try {
    answer = await fetch(request, { signal: AbortSignal.timeout(FIRST_TRY) });
    if (answer.status >= 500) throw new Error("away"); // the last state says more than a proxy's excuse
    // What was shown for the postcode is not kept: the phone may be in other hands tomorrow.
    if (answer.ok && !answer.headers.get("Cache-Control")?.includes("no-store")) await keep(request, answer.clone());
    else if (answer.status === 404) await (await caches.open(KEPT)).delete(request);
    return answer;
  } catch (trouble) {
    const kept = await caches.match(request, { ignoreVary: true });
    if (kept === undefined && answer !== undefined) return answer;
    if (kept === undefined) throw trouble;
    const headers = new Headers(kept.headers);
    headers.set("X-From-Cache", "yes");
    return new Response(await kept.blob(), { status: 200, headers });
  }
}

// A phone that is full, or keeps nothing, shows the page all the same.
async function keep(request, answer) {
  try {
    const kept = await caches.open(KEPT);
    await kept.put(request, answer);
    const known = await kept.keys();
    for (const old of known.slice(0, Math.max(0, known.length - MOST))) await kept.delete(old);
  } catch {}
}

// A notice of the shop's: what it says was encrypted for this browser alone.
self.addEventListener("push", (event) => {
  const told = event.data?.json() ?? {};
  const { title = "", body = "", lang, dir, tag, link } = told;
  event.waitUntil(self.registration.showNotification(title, { body, lang, dir, tag, data: { link } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { link } = event.notification.data ?? {};
  if (link) event.waitUntil(show(link));
});

async function show(link) {
  const wanted = new URL(link, location);
  for (const client of await self.clients.matchAll({ type: "window" })) {
    if (new URL(client.url).pathname === wanted.pathname) return client.focus();
  }
  return self.clients.openWindow(wanted);
}
