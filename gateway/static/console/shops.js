// A merchant's shops: how each fares, connecting one, and what to do in the shop.

import { Problem, all, button, api, copyable, fill, form, h, owner, plural, say, show, sure, timeOf } from "./lib.js";

const EVERY = 10000;

export async function shops(place) {
  const kinds = await all("/v1/shops/kinds");
  const kindOf = (one) => kinds.find((kind) => kind.code === one.shop) ?? { code: one.shop, name: one.shop, credentials: [], setup: [] };
  const list = h("div", {});
  let drawn = "";

  async function look() {
    const found = await all("/v1/shops");
    const now = JSON.stringify(found);
    if (now === drawn) return;
    drawn = now;
    fill(list, found.length ? h("ul", { class: "rows", "aria-label": "Shops" }, ...found.map((one) => row(one, kindOf(one), look))) : h("p", { class: "empty" }, "No shop yet. Once one is connected, its orders, parcels and refunds come here by themselves: nobody has to register a parcel by hand."));
  }

  await look();
  fill(place, h("section", { class: "card" }, h("h1", {}, "Shops"), list), owner ? connect(kinds, look) : null);
  const timer = setInterval(() => { if (!document.hidden) look().catch(() => {}); }, EVERY);
  return () => clearInterval(timer);
}

const name = (one, kind) => one.label || kind.name;

const refusedLast = (one) => one.last_refused_at && (!one.last_push_at || one.last_refused_at > one.last_push_at);

// How a shop fares: [tone, sign, in a word, in a sentence].
function fares(one) {
  if (refusedLast(one)) return ["bad", "!", "refused", h("span", {}, "What came ", timeOf(one.last_refused_at), ` was refused: ${one.last_refusal}. Most often the shop signs with another secret than the one given here.`)];
  if (one.unreadable) return ["bad", "!", "not understood", `${plural(one.unreadable, "push", "pushes")} kept and not taken: ${one.unreadable_reason}.`];
  if (one.writes_back_trouble) return ["bad", "!", "cannot be told", `It is not told of its parcels: ${one.writes_back_trouble}`];
  if (!one.last_push_at) return ["wait", "·", "nothing came yet", "Set it up in the shop; its first order shows here."];
  return ["good", "✓", "works", ""];
}

function row(one, kind, done) {
  const [tone, sign, word, why] = fares(one);
  const facts = [
    ["Orders", one.orders.toLocaleString("en-GB")],
    ["Last push", one.last_push_at ? timeOf(one.last_push_at) : "none yet"],
    one.last_refused_at && !refusedLast(one) ? ["Last refused", h("span", {}, timeOf(one.last_refused_at), `: ${one.last_refusal}`)] : null,
    one.old_secret_until ? ["Old secret counts until", timeOf(one.old_secret_until)] : null,
    one.waiting ? ["Waiting", `${plural(one.waiting, "push", "pushes")} for ${one.waiting === 1 ? "its order" : "their orders"}`] : null,
    one.order_prefix ? ["Order numbers begin with", one.order_prefix] : null,
    one.writes_back ? ["Told of its parcels", "yes"] : null,
  ].filter(Boolean);
  return h("li", { class: "work", "data-shop": one.id },
    h("div", { class: "stack" },
      h("div", { class: "row" }, h("strong", {}, name(one, kind)), one.label ? h("span", { class: "small" }, kind.name) : null, h("span", { class: `status tone-${tone}` }, h("span", { class: "sign", "aria-hidden": "true" }, sign), word)),
      why ? h("p", { class: "small" }, why) : null,
      h("dl", { class: "facts small" }, ...facts.flatMap(([what, value]) => [h("dt", {}, what), h("dd", {}, value)])),
      owner ? h("div", { class: "row" },
        button("Steps in the shop", () => show(`${name(one, kind)}: what to do in the shop`, ...steps(one, kind)), { "aria-label": `Steps in the shop for ${name(one, kind)}` }),
        button("Change", () => change(one, kind, done), { "aria-label": `Change ${name(one, kind)}` }),
        button("New secret", () => renew(one, kind, done), { "aria-label": `New secret for ${name(one, kind)}` }),
        one.old_secret_until ? button("End the old secret", async () => {
          if (!await sure(`What ${name(one, kind)} signs with the old secret is refused from now on. Wait for a push signed with the new one before.`, "End the old secret")) return;
          await api("PATCH", `/v1/shops/${one.id}`, { overlap_hours: 0 });
          say("The old secret has ended");
          await done();
        }, { "aria-label": `End the old secret of ${name(one, kind)}` }) : null,
        button("Disconnect", async () => {
          if (!await sure(`Nothing ${name(one, kind)} sends is taken any more, and its secrets are forgotten. ${one.orders ? plural(one.orders, "order of it stays", "orders of it stay") : "It brought no order yet"}.`, "Disconnect the shop")) return;
          await api("DELETE", `/v1/shops/${one.id}`);
          say(`${name(one, kind)} is disconnected`);
          await done();
        }, { class: "button-2 danger", "aria-label": `Disconnect ${name(one, kind)}` })) : null));
}

// What to paste into the shop, and where. `secret` is there only while it is new.
function steps(one, kind, secret) {
  return [
    h("h3", {}, "Address"), h("p", {}, copyable(new URL(one.push_url, location).href, "address")),
    secret ? h("div", {}, h("h3", {}, "Secret"), h("p", {}, copyable(secret, "secret")), h("p", { class: "small" }, "It is not shown again. Should it be lost, make a new one.")) : null,
    h("h3", {}, `In ${kind.name}`), h("ol", { class: "steps" }, ...kind.setup.map((step) => h("li", {}, step))),
  ].filter(Boolean);
}

const LABEL = { name: "label", label: "Name of yours (optional)", help: "What you call this shop here.", maxlength: 200 };
const PREFIX = { name: "order_prefix", label: "Prefix of its order numbers (optional)", help: "An order number belongs to one shop. With several shops, give all but one a prefix, such as B-.", maxlength: 20 };

const OVERLAP = { name: "overlap_hours", label: "The old one still counts for", value: "24", options: [{ value: "0", label: "no time: it ends now" }, { value: "1", label: "1 hour" }, { value: "24", label: "a day" }, { value: "168", label: "7 days" }] };

// A secret nobody can guess, made in this browser.
function fresh(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return prefix + btoa(String.fromCharCode(...bytes));
}

function secretFields(credentials) {
  return credentials.map((of) => ({ name: `secret:${of.name}`, label: of.optional ? `${of.title} (optional)` : of.title, help: `${of.help}.${of.own ? " This one was made for you just now." : ""}`, value: of.own ? fresh(of.prefix) : "", required: !of.optional, autocomplete: "off", spellcheck: "false" }));
}

const secretsOf = (values) => Object.fromEntries(Object.entries(values).filter(([field]) => field.startsWith("secret:")).map(([field, value]) => [field.slice(7), value]));
const ownOf = (kind, secrets) => secrets[kind.credentials.find((of) => of.own)?.name];

// Runs a call; what is wrong with a secret is said by the name its field has here.
async function named(kind, work) {
  try {
    return await work();
  } catch (trouble) {
    if (trouble instanceof Problem) {
      for (const error of trouble.errors) {
        error.pointer = { "/order_prefix": "Prefix of its order numbers", "/label": "Name of yours" }[error.pointer] ?? kind.credentials.find((of) => error.pointer === `/secrets/${of.name}`)?.title ?? error.pointer;
      }
    }
    throw trouble;
  }
}

function connect(kinds, done) {
  const fields = h("div", { class: "stack" });
  const choice = h("select", { id: "shop-choice", onchange: () => draw() }, ...kinds.map((kind) => h("option", { value: kind.code }, kind.name)));
  function draw() {
    const kind = kinds.find((one) => one.code === choice.value);
    fill(fields,
      h("details", {}, h("summary", {}, `What you will do in ${kind.name}`), h("div", { class: "stack" }, h("ol", { class: "steps" }, ...kind.setup.map((step) => h("li", {}, step))), h("p", { class: "small" }, "The address is made when you connect the shop."))),
      form([LABEL, ...secretFields(kind.credentials), PREFIX], "Connect", async (values) => {
        const secrets = secretsOf(values);
        const made = await named(kind, () => api("POST", "/v1/shops", { shop: kind.code, label: values.label ?? "", order_prefix: values.order_prefix ?? "", secrets }));
        draw();
        await done();
        show(`${name(made, kind)}: what to do in the shop`, ...steps(made, kind, ownOf(kind, secrets)));
      }));
  }
  draw();
  return h("section", { class: "card" }, h("h2", {}, "Connect a shop"), h("div", { class: "field" }, h("label", { for: "shop-choice" }, "Kind of shop"), choice), fields);
}

function change(one, kind, done) {
  const optional = kind.credentials.filter((of) => of.optional);
  const dialog = show(`Change ${name(one, kind)}`, form([
    { ...LABEL, value: one.label },
    { ...PREFIX, value: one.order_prefix, help: `${PREFIX.help} A new one holds for orders to come.` },
    ...secretFields(optional).map((field) => ({ ...field, help: `${field.help} Left empty, it stays as it is.` })),
    ...(one.writes_back ? [{ name: "silent", label: "Tell the shop no longer what becomes of its parcels", type: "checkbox" }] : []),
  ], "Save", async (values) => {
    const secrets = values.silent ? Object.fromEntries(optional.map((of) => [of.name, null])) : secretsOf(values);
    await named(kind, () => api("PATCH", `/v1/shops/${one.id}`, { label: values.label ?? "", ...((values.order_prefix ?? "") === one.order_prefix ? {} : { order_prefix: values.order_prefix ?? "" }), ...(Object.keys(secrets).length ? { secrets } : {}) }));
    dialog.close();
    say("Saved");
    await done();
  }));
}

function renew(one, kind, done) {
  const dialog = show(`New secret for ${name(one, kind)}`, h("p", {}, one.last_push_at ? "What the shop signs with the one before is still taken for the overlap, so that nothing on its way is lost." : "Nothing came that was signed with the one before, so it ends at once."), form([...secretFields(kind.credentials.filter((of) => !of.optional)), ...(one.last_push_at ? [OVERLAP] : [])], "Set the secret", async (values) => {
    const secrets = secretsOf(values);
    await named(kind, () => api("PATCH", `/v1/shops/${one.id}`, { secrets, ...(values.overlap_hours ? { overlap_hours: Number(values.overlap_hours) } : {}) }));
    dialog.close();
    await done();
    if (ownOf(kind, secrets)) show(`${name(one, kind)}: the new secret`, ...steps(one, kind, ownOf(kind, secrets)));
    else say("The new secret is set");
  }));
}
