// Set-up: carrier accounts, unlisted codes, shops, files, keys, ways to reach people, words, look.

import { all, api, button, complaint, copyable, fill, form, h, happenings, owner, plural, say, show, skeleton, statusWords, sure, table, timeOf } from "./lib.js";

const PARTS = [["accounts", "Carrier accounts", accounts], ["shops", "Shops", (place) => import("./shops.js").then((one) => one.shops(place))], ["imports", "Imports", (place, query) => import("./imports.js").then((one) => one.imports(place, query))], ["keys", "Keys", keys], ["channels", "Ways to reach people", channels], ["templates", "Words of notices", templates], ["look", "Your look", look]];

export async function open(main, part = "accounts", query = new URLSearchParams()) {
  const found = PARTS.find(([name]) => name === part) ?? PARTS[0];
  const place = h("div", { class: "stack" }, h("section", { class: "card" }, skeleton()));
  const tabs = h("nav", { class: "tabs", "aria-label": "Set-up" }, ...PARTS.filter(([name]) => owner || name !== "keys").map(([name, text]) => h("a", { href: `/console/setup/${name}`, "aria-current": name === found[0] ? "page" : null }, text)));
  fill(main, h("div", { class: "stack" }, tabs, place));
  try {
    return await found[2](place, query);
  } catch (trouble) {
    fill(place, h("section", { class: "card" }, h("h1", {}, found[1]), complaint(trouble)));
    return undefined;
  }
}

const tone = (state) => h("span", { class: `status tone-${state === "active" ? "good" : "bad"}` }, h("span", { class: "sign", "aria-hidden": "true" }, state === "active" ? "✓" : "!"), state);

async function accounts(place) {
  const [found, carriers] = await Promise.all([all("/v1/accounts"), all("/v1/carriers")]);
  const name = (code) => carriers.find((one) => one.code === code)?.name ?? code;
  fill(place, 
    h("section", { class: "card" }, h("h1", {}, "Carrier accounts"), found.length ? h("ul", { class: "rows" }, ...found.map((one) => h("li", { class: "work account" }, h("span", {}, h("strong", {}, name(one.carrier)), ` ${one.label}`, h("br"), h("span", { class: "small" }, one.mode)), h("span", {}, tone(one.state), one.state_reason ? h("span", { class: "small" }, ` ${one.state_reason}`) : null, one.last_refused_at ? h("span", { class: "small" }, h("br"), "Push refused ", timeOf(one.last_refused_at), `: ${one.last_refusal}`) : null),
      h("span", { class: "row" }, button("Test it", () => test(one)), button("Codes", () => codes(one)), one.push_url ? button("Push address", () => show("Give this address to the carrier", h("p", {}, copyable(one.push_url, "address")))) : null, owner ? button("Delete", async () => { if (await sure(`${name(one.carrier)} is not asked with this account any more.`, "Delete the account")) { await api("DELETE", `/v1/accounts/${one.id}`); await accounts(place); } }, { class: "button-2 danger" }) : null)))) : h("p", { class: "empty" }, "No account yet. With your credentials at a carrier its parcels are asked for.")),
    owner ? add(carriers, () => accounts(place)) : null);
}

function add(carriers, done) {
  const fields = h("div", { class: "stack" });
  const choice = h("select", { id: "carrier-choice", onchange: () => draw() }, ...carriers.filter((one) => one.credentials.length).map((one) => h("option", { value: one.code }, one.name)));
  function draw() {
    const of = carriers.find((one) => one.code === choice.value);
    fill(fields, h("p", { class: "small" }, `Proof: ${of.proof_level}. It ${of.capabilities.join(", ")}.`), form([
      { name: "label", label: "Name of yours (optional)" },
      { name: "mode", label: "Environment", value: "production", options: ["production", "test"] },
      ...of.credentials.map((one) => ({ name: `secret:${one.name}`, label: one.optional ? `${one.title} (optional)` : one.title, help: one.help, required: !one.optional && one.use !== "push", autocomplete: "off" })),
    ], "Add", async (values, made) => {
      const secrets = Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith("secret:")).map(([name, value]) => [name.slice(7), value]));
      await api("POST", "/v1/accounts", { carrier: of.code, mode: values.mode, label: values.label ?? "", secrets });
      made.reset();
      say("Added");
      await done();
    }));
  }
  draw();
  return h("section", { class: "card" }, h("h2", {}, "Add an account"), h("div", { class: "field" }, h("label", { for: "carrier-choice" }, "Carrier"), choice), fields);
}

function test(account) {
  const dialog = show("Test the account", h("p", {}, "A real question about a number of yours, asked now with these credentials."), form([{ name: "tracking_number", label: "Tracking number", required: true }], "Ask", async ({ tracking_number }, made) => {
    const shipment = await api("POST", "/v1/shipments", { tracking_number, carrier: account.carrier, account: account.id });
    await api("POST", `/v1/shipments/${shipment.id}/refresh`);
    const result = h("p", { role: "status" }, "Asked. One moment…");
    made.replaceWith(result);
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const [now, mine] = await Promise.all([api("GET", `/v1/shipments/${shipment.id}`), api("GET", `/v1/accounts/${account.id}`)]);
      if (mine.state !== "active") { result.textContent = `The carrier refuses these credentials: ${mine.state_reason}`; return; }
      if (now.last_event_at) { fill(result, "It works: ", h("a", { href: `/console/shipments/${shipment.id}`, onclick: () => dialog.close() }, "see the parcel")); return; }
    }
    fill(result, "No news within ten seconds: the number may be unknown to the carrier, or it is slow. ", h("a", { href: `/console/shipments/${shipment.id}`, onclick: () => dialog.close() }, "See the parcel"));
  }));
}

const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function codes(account) {
  const told = await api("GET", `/v1/accounts/${account.id}/codes`);
  const open = told.unlisted ?? [];
  const rows = told.codes ?? told.data ?? [];
  const dialog = show("What do these codes mean?", h("p", {}, open.length ? `${plural(open.length, "code")} without a meaning. What you say here holds for this account, from the next news on.` : "Every code this carrier sent you has a meaning."),
    ...open.slice(0, 30).map((one) => form([{ name: "meaning", label: `${one.code}: “${one.example || "no words"}”, ${plural(one.count, "time")}`, value: "in_transit/other", options: happenings(["unknown"]) }], "Say so", async ({ meaning }, made) => {
      const [status, substatus] = meaning.split("/");
      const now = await api("GET", `/v1/accounts/${account.id}/codes`);
      const kept = (now.codes ?? now.data ?? []).map(({ code, status: is, substatus, moves }) => ({ code, status: is, substatus, moves }));
      await api("PUT", `/v1/accounts/${account.id}/codes`, { codes: [...kept.filter((row) => row.code !== one.code), { code: one.code, status, substatus }] });
      made.replaceWith(h("div", {}, h("p", {}, `${one.code} means “${statusWords(status, substatus)}” now. For everybody, add this row to the carrier's codes.csv, where its code belongs in the order:`), h("pre", { class: "bytes", tabindex: 0 }, `${cell(one.code)},${status},${substatus},,seen in its answers,`)));
    })), rows.length ? h("details", {}, h("summary", {}, `${plural(rows.length, "code")} of your own`), table(["Code", "Means"], rows.map((row) => [row.code, `${row.status}, ${row.substatus}`]), "")) : null);
  return dialog;
}

async function keys(place) {
  const found = await all("/v1/keys");
  fill(place, h("section", { class: "card" }, h("h1", {}, "Keys"), table(["Name", "Role", "Made", "Origins", ""], found.map((one) => [one.name || one.id, one.role, timeOf(one.created_at), one.origins.join(", "), button("End", async () => { if (await sure(`Whoever uses “${one.name || one.id}” is refused at once.`, "End the key")) { await api("DELETE", `/v1/keys/${one.id}`); await keys(place); } }, { class: "quiet", "aria-label": `End the key ${one.name || one.id}` })]), "No key yet.")),
    h("section", { class: "card" }, h("h2", {}, "Make a key"), form([{ name: "role", label: "What it may", value: "merchant", options: [{ value: "merchant", label: "everything of yours (merchant)" }, { value: "support", label: "read and act on parcels (support)" }, { value: "storefront", label: "show the status on your pages (storefront)" }] }, { name: "name", label: "What it is for" }, { name: "origins", label: "Pages it may be used from (storefront), between commas", placeholder: "https://shop.example.com" }], "Make", async (values) => {
      const made = await api("POST", "/v1/keys", { role: values.role, name: values.name ?? "", ...(values.origins ? { origins: values.origins.split(",").map((one) => one.trim()) } : {}) });
      show("The key, shown this once", h("p", {}, copyable(made.key, "key")));
      await keys(place);
    })));
}

async function channels(place) {
  const [found, wishes] = await Promise.all([all("/v1/channels"), api("GET", "/v1/last-mile")]);
  fill(place, h("section", { class: "card" }, h("h1", {}, "Ways to reach people"), found.length ? h("ul", { class: "rows" }, ...found.map((one) => h("li", { class: "work" }, h("span", {}, h("strong", {}, one.channel), ` ${one.label}`), tone(one.state), h("span", { class: "small" }, one.state_reason), owner ? h("span", { class: "row" }, button("Test it", () => {
    const dialog = show(`Test ${one.channel}`, form([{ name: "to", label: "To which number or address", required: true }], "Send", async (values) => { const told = await api("POST", `/v1/channels/${one.id}/test`, values); dialog.close(); say(told.outcome === "accepted" ? "It is on its way" : `${told.outcome}: ${told.reason}`); }));
  }), one.callback_url ? button("Callback address", () => show("Give this address to the provider", h("p", {}, copyable(one.callback_url, "address")))) : null) : null))) : h("p", { class: "empty" }, "Nobody is reached by SMS, e-mail or in the browser yet. Accounts are added by POST /v1/channels; docs/channels.md tells each one's settings.")),
    h("section", { class: "card" }, h("h2", {}, "News of a new arrival time"), owner ? form([{ name: "moved_minutes", label: "Minutes it must have moved", help: "Measured from the time a recipient was told last, in however many steps: 5 to 1440, usually 60.", type: "number", min: 5, max: 1440, step: 1, required: true, value: wishes.arrival.moved_minutes }], "Save", async (values) => {
      await api("PUT", "/v1/last-mile", { ...await api("GET", "/v1/last-mile"), arrival: { moved_minutes: Number(values.moved_minutes) } });
      say("Saved");
    }) : h("p", {}, `Recipients hear of it once it lies ${plural(wishes.arrival.moved_minutes, "minute")} from the one they were told last.`)));
}

async function templates(place) {
  const found = await all("/v1/templates");
  const subjects = [...new Set(found.map((one) => one.subject))];
  const languages = [...new Set(found.map((one) => one.language))];
  const result = h("div", {});
  const pick = async (subject, language) => {
    const one = await api("GET", `/v1/templates/${subject}/${language}`);
    const parts = ["subject", "text", "sms"];
    const preview = h("div", { role: "status" });
    const editor = form(parts.map((part) => ({ name: part, label: part, type: part === "subject" ? "text" : "textarea", value: one.own[part] ?? one.house[part] ?? "", disabled: !owner })), "Save", async (values) => {
      const own = Object.fromEntries(Object.entries(values).filter(([part, value]) => value !== one.house[part]));
      if (Object.keys(own).length) await api("PUT", `/v1/templates/${subject}/${language}`, own);
      say("Saved");
      await pick(subject, language);
    });
    fill(result, h("h2", {}, `${subject}, ${language}`), h("p", { class: "small" }, "Placeholders: ", Object.entries(one.placeholders).map(([name, what]) => `{${name}} ${what}`).join("; ")), editor, h("div", { class: "row acts" }, button("Preview", async () => {
      const values = Object.fromEntries(parts.map((part) => [part, editor.elements.namedItem(part).value.trim()]).filter(([, value]) => value));
      const told = await api("POST", `/v1/templates/${subject}/${language}/preview`, values);
      fill(preview, h("p", {}, h("strong", {}, told.subject)), h("p", { class: "pre" }, told.text), told.sms ? h("p", {}, h("strong", {}, `SMS, ${plural(told.sms.segments, "part")} (${told.sms.encoding}): `), told.sms.text) : null);
    }), owner && Object.keys(one.own).length ? button("Back to the house's words", async () => { await api("DELETE", `/v1/templates/${subject}/${language}`); await pick(subject, language); }) : null), preview);
  };
  fill(place, h("section", { class: "card" }, h("h1", {}, "Words of notices"), form([{ name: "subject", label: "Notice", options: subjects }, { name: "language", label: "Language", options: languages }], "Open", ({ subject, language }) => pick(subject, language)), result));
}

async function look(place) {
  const now = await api("GET", "/v1/branding");
  const colour = (name, label, usual) => ({ name, label, type: "color", value: now[name] ?? usual, disabled: !owner });
  fill(place, h("section", { class: "card" }, h("h1", {}, "Your look"), h("p", { class: "soft" }, "How recipients see your tracking pages. What cannot be read is refused."), form([{ name: "name", label: "Name", value: now.name, disabled: !owner }, colour("accent", "Accent", "#1f5fd0"), colour("ground", "Ground", "#f4f5f7"), colour("surface", "Surface", "#ffffff"), colour("ink", "Ink", "#14181f"), { name: "help_url", label: "Where help is", type: "url", value: now.help_url ?? "", disabled: !owner }, { name: "privacy_url", label: "Your privacy notice", type: "url", value: now.privacy_url ?? "", disabled: !owner }], "Save", async (values) => { await api("PUT", "/v1/branding", values); say("Saved"); })),
    owner ? h("section", { class: "card" }, h("h2", {}, "Logo"), h("div", { class: "field" }, h("label", { for: "logo-file" }, "A PNG of at most 200 kB"), h("input", { id: "logo-file", type: "file", accept: "image/png", onchange: async (event) => {
      const file = event.currentTarget.files[0];
      if (!file) return;
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      try { await api("PUT", "/v1/branding/logo", { png: btoa(text) }); say("The logo is set"); } catch (trouble) { say(trouble.errors?.[0]?.detail ?? trouble.message); }
    } }))) : null);
}
