// Keeps the last list of stops, so that the page opens in a dead spot. What the courier does is kept by the page itself.

const KEPT = "courier-1";
const MOST = 40;
const FIRST_TRY = 6000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(keptFirst(request));
  else if (/^\/c\/[A-Za-z0-9_-]{24}$/.test(url.pathname)) event.respondWith(freshFirst(request));
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
    if (answer.ok) await keep(request, answer.clone());
    else if (answer.status === 404) await (await caches.open(KEPT)).delete(request);
    return answer;
  } catch (trouble) {
    const kept = await caches.match(request, { ignoreVary: true });
    if (kept === undefined && answer !== undefined) return answer;
    if (kept === undefined) throw trouble;
    return kept;
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
