// Where webhooks go: health, attempts, replays with their progress, secrets, and the snippet that verifies them.

import { age, api, button, complaint, copyable, fill, form, h, owner, plural, say, show, skeleton, sure, table, timeOf, when } from "./lib.js";

export async function open(main, id) {
  fill(main, h("section", { class: "card" }, skeleton()));
  try {
    return id === undefined ? await list(main) : await one(main, id);
  } catch (trouble) {
    fill(main, h("section", { class: "card" }, h("h1", {}, "It cannot be shown"), complaint(trouble)));
    return undefined;
  }
}

const health = (of) => (of.state === "disabled" ? "disabled" : of.lane.state);
const sign = (of) => h("span", { class: `status tone-${{ active: "good", disabled: "bad", open: "bad", paused: "wait", throttled: "wait", recovering: "wait", polled: "still" }[health(of)] ?? "still"}` }, h("span", { class: "sign", "aria-hidden": "true" }, health(of) === "active" ? "✓" : health(of) === "disabled" || health(of) === "open" ? "!" : "·"), health(of));

async function list(main) {
  const { data } = await api("GET", "/v1/endpoints");
  const checklist = [["An endpoint is registered", data.length > 0], ["It answers", data.some((of) => of.state === "enabled" && !of.lane.failing_since)], ["Nothing was given up", data.every((of) => of.lane.dead === 0)]];
  fill(main, 
    h("section", { class: "card" }, h("h1", {}, "Endpoints"), h("ul", { class: "checks" }, ...checklist.map(([text, done]) => h("li", {}, done ? "✓ " : "○ ", text, h("span", { class: "unseen" }, done ? ", done" : ", to do")))),
      data.length ? h("ul", { class: "rows" }, ...data.map((of) => h("li", { class: "work" }, h("a", { href: `/console/endpoints/${of.id}` }, h("bdi", {}, of.url ?? "read by polling"), h("br"), h("span", { class: "small" }, of.description)), sign(of), h("span", { class: "small" }, of.lane.behind ? `${plural(of.lane.behind, "message")} behind` : "up to date")))) : h("p", { class: "empty" }, "No endpoint yet. Add one, and every change of your parcels is sent there, signed.")),
    owner ? h("section", { class: "card" }, h("h2", {}, "Add an endpoint"), form([
      { name: "url", label: "Address", type: "url", required: true, placeholder: "https://shop.example.com/hooks/parcels" },
      { name: "description", label: "What it is for (optional)" },
      { name: "event_types", label: "Types, between commas (optional)", placeholder: "shipment.*", help: "Left empty: every type but shipment.event and courier.position." },
    ], "Add", async (values) => {
      const made = await api("POST", "/v1/endpoints", { ...values, ...(values.event_types ? { event_types: values.event_types.split(",").map((one) => one.trim()).filter(Boolean) } : {}) });
      show("Your endpoint's secret", h("p", {}, "It proves that webhooks come from here. You can see it again on the endpoint's page."), h("p", {}, copyable(made.secret, "secret")), snippet());
      await list(main);
    })) : null);
}

async function one(main, id) {
  const base = `/v1/endpoints/${encodeURIComponent(id)}`;
  let timer = null;

  async function draw() {
    const of = await api("GET", base);
    const [attempts, replays, dead] = await Promise.all([api("GET", `${base}/attempts?limit=50`), api("GET", `${base}/replays`), api("GET", `${base}/dead?limit=20`)]);
    fill(main, 
      h("section", { class: "card" }, h("p", { class: "small" }, "Endpoint"), h("h1", {}, h("bdi", {}, of.url ?? "read by polling")), h("p", { class: "lead" }, sign(of), of.state_reason ? ` ${of.state_reason}` : ""),
        h("dl", { class: "facts" }, ...facts(of).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])), strip(attempts.data), snippet(),
        owner ? h("div", { class: "row acts" },
          button("Send a test", async () => { const told = await api("POST", `${base}/test`); show(told.status ? `It answered ${told.status}` : `It did not answer: ${told.outcome}`, exchange(told)); }),
          button("Show the secret", async () => { const { secret } = await api("GET", `${base}/secret`); show("Secret", h("p", {}, copyable(secret, "secret")), snippet()); }),
          button("Rotate the secret", rotate),
          button("Send a stretch again", replay),
          of.state === "disabled" ? button("Enable", enable) : null,
          button("Delete", async () => { if (await sure(`Nothing is sent to ${of.url ?? "it"} any more.`, "Delete the endpoint")) { await api("DELETE", base); say("Deleted"); history.back(); } }, { class: "button-2 danger" })) : null),
      replays.data.length ? h("section", { class: "card", id: "replays" }, h("h2", {}, "Sent again"), h("ul", { class: "rows" }, ...replays.data.slice(0, 10).map((run) => h("li", { class: "work" }, h("span", {}, run.only_failed ? "what failed" : "a stretch", " ", timeOf(run.created_at)), h("progress", { max: 1, value: run.progress, "aria-label": `${Math.round(run.progress * 100)} % done` }), h("span", { class: "small" }, run.state, run.state === "running" ? `, ${run.left} to look at` : ""), owner && run.state === "running" ? button("Stop", async () => { await api("DELETE", `${base}/replays/${run.id}`); await draw(); }, { class: "quiet" }) : null)))) : null,
      dead.data.length ? h("section", { class: "card" }, h("header", { class: "row spread" }, h("h2", {}, "Given up"), owner ? button("Send all again", async () => { const told = await api("POST", `${base}/dead/requeue`, {}); say(`${plural(told.messages, "message")} on the way again`); await draw(); }) : null), table(["Message", "Given up", "Why"], dead.data.map((row) => [row.type, timeOf(row.given_up_at), row.reason]), "")) : null,
      h("section", { class: "card" }, h("h2", {}, "Last attempts"), table(["When", "Try", "Answer", "Took", ""], attempts.data.map((row) => [timeOf(row.at), String(row.number), row.status ? `${row.status}` : row.outcome, `${row.ms} ms`, button("look", () => show(`Attempt of ${when(row.at)}`, exchange(row)), { class: "quiet", "aria-label": `Look at the attempt of ${when(row.at)}` })]), "Nothing was sent yet.")));
    clearTimeout(timer);
    if (replays.data.some((run) => run.state === "running")) timer = setTimeout(() => draw().catch(() => {}), 1500);
  }

  function rotate() {
    const dialog = show("Rotate the secret", h("p", {}, "Both secrets sign for the overlap, so your receiver can change over without losing anything."), form([{ name: "overlap_hours", label: "Overlap", value: "24", options: [{ value: "0", label: "none: the old one ends now" }, { value: "1", label: "1 hour" }, { value: "24", label: "a day" }, { value: "168", label: "7 days" }] }], "Rotate", async ({ overlap_hours }) => {
      const { secret } = await api("POST", `${base}/rotate-secret`, { overlap_hours: Number(overlap_hours) });
      dialog.close();
      show("The new secret", h("p", {}, copyable(secret, "secret")));
    }));
  }

  function replay() {
    const ago = new Date(Date.now() - 86400000 - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    const dialog = show("Send a stretch again", form([
      { name: "since", label: "From, on your clock", type: "datetime-local", value: ago, required: true },
      { name: "until", label: "Until (optional)", type: "datetime-local" },
      { name: "only_failed", label: "Only what failed", type: "checkbox" },
    ], "Send again", async (values) => {
      await api("POST", `${base}/replay`, { since: new Date(values.since).toISOString(), ...(values.until ? { until: new Date(values.until).toISOString() } : {}), only_failed: values.only_failed });
      dialog.close();
      say("It has begun");
      await draw();
    }));
  }

  function enable() {
    const dialog = show("Enable", form([{ name: "course", label: "Where it goes on", value: "continue", options: [{ value: "continue", label: "with all that waited" }, { value: "only_failed", label: "with what failed before" }, { value: "from_now", label: "from now; what waited is left out" }] }], "Enable", async (values) => {
      await api("POST", `${base}/enable`, values);
      dialog.close();
      await draw();
    }));
  }

  await draw();
  return () => clearTimeout(timer);
}

function facts(of) {
  return [["Types", of.event_types?.join(", ") ?? "all but shipment.event and courier.position"], ["Order", of.ordering], ["Behind", of.lane.behind ? plural(of.lane.behind, "message") : "nothing"], of.lane.failing_since ? ["Failing for", age(of.lane.failing_since)] : null, of.lane.retrying ? ["Being tried again", String(of.lane.retrying)] : null, of.lane.dead ? ["Given up", String(of.lane.dead)] : null, of.lane.paused_until ? ["It asked for a rest until", when(of.lane.paused_until)] : null, of.rate_per_second ? ["At most a second", String(of.rate_per_second)] : null].filter(Boolean);
}

// The last attempts, the oldest left: a bar each, its height how long it took.
function strip(attempts) {
  if (!attempts.length) return null;
  const good = attempts.filter((row) => row.outcome === "success" || (row.status >= 200 && row.status < 300)).length;
  const longest = Math.max(...attempts.map((row) => row.ms), 1);
  const bars = [...attempts].reverse().map((row, index) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = 6 + (34 * row.ms) / longest;
    for (const [name, value] of Object.entries({ x: index * 8, y: 40 - height, width: 6, height, class: row.status >= 200 && row.status < 300 ? "bar-good" : "bar-bad" })) bar.setAttribute(name, value);
    return bar;
  });
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${attempts.length * 8} 40`, class: "strip", role: "img", "aria-label": `Of the last ${attempts.length} attempts ${good} went well` })) drawn.setAttribute(name, value);
  drawn.append(...bars);
  return h("div", {}, h("p", { class: "small" }, `Of the last ${attempts.length} attempts ${good} went well.`), drawn);
}

function exchange(of) {
  const lines = (some) => (some ? (Array.isArray(some) ? some : Object.entries(some)).map(([name, value]) => `${name}: ${value}`).join("\n") : "");
  return h("div", {}, h("p", {}, `${of.outcome}, ${of.ms} ms`, of.ip ? ` from ${of.ip}` : ""), of.request_headers ? h("details", {}, h("summary", {}, "What we sent"), h("pre", { class: "bytes", tabindex: 0 }, lines(of.request_headers))) : null, h("details", { open: true }, h("summary", {}, "What it answered"), h("pre", { class: "bytes", tabindex: 0 }, [lines(of.response_headers), of.response].filter(Boolean).join("\n\n") || "nothing")));
}

// `body` is the raw body, before it is read as JSON.
const SNIPPETS = {
  Python: `from standardwebhooks import Webhook

message = Webhook("whsec_…").verify(body, headers)`,
  JavaScript: `import { Webhook } from "standardwebhooks";

const message = new Webhook("whsec_…").verify(body, headers);`,
  PHP: `$body = file_get_contents("php://input");
$headers = array_change_key_case(getallheaders()); // their names are looked for in lower case
$message = (new \\StandardWebhooks\\Webhook("whsec_…"))->verify($body, $headers);`,
  Go: `import standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

webhook, err := standardwebhooks.NewWebhook("whsec_…")
if err == nil {
	err = webhook.Verify(body, request.Header) // nil: it is ours
}`,
};

function snippet() {
  return h("details", {}, h("summary", {}, "Code that verifies"), h("p", { class: "small" }, "With the libraries of Standard Webhooks, over the raw body; docs/merchant-webhooks.md does it without any. Put the secret where whsec_… stands, and never into your repository."), ...Object.entries(SNIPPETS).flatMap(([language, code]) => [h("h3", {}, language), h("pre", { class: "bytes", tabindex: 0, "aria-label": language }, code)]));
}
