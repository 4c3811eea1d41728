// Who may sign in, and what was done.

import { all, api, button, copyable, fill, form, h, say, show, sure, table, timeOf, who, words } from "./lib.js";

export async function open(main) {
  const [people, invited, acts] = await Promise.all([all("/v1/people"), all("/v1/people/invitations"), api("GET", "/v1/audit?limit=50")]);
  const change = async (id, wish) => { await api("PATCH", `/v1/people/${id}`, wish); await open(main); };
  fill(main, 
    h("section", { class: "card" }, h("h1", {}, "People"), table(["Name", "E-mail", "Role", "Second factor", ""], people.map((one) => [one.name, one.email, one.disabled_at ? "may not sign in" : one.role, one.second_factor ? "yes" : "no",
      one.id === who.person_id ? "you" : h("span", { class: "row" }, one.disabled_at ? button("Let in again", () => change(one.id, { disabled: false })) : button(one.role === "merchant" ? "Make support" : "Make merchant", () => change(one.id, { role: one.role === "merchant" ? "support" : "merchant" })), one.disabled_at ? null : button("Shut out", async () => { if (await sure(`${one.name} is signed out everywhere and may not come back until you say so.`, "Shut out")) await change(one.id, { disabled: true }); }, { class: "button-2 danger" }))]), "Nobody yet."),
      invited.length ? h("div", {}, h("h2", {}, "Invited and not here yet"), h("ul", { class: "rows" }, ...invited.map((one) => h("li", { class: "work" }, h("span", {}, one.email, h("span", { class: "small" }, ` ${one.role}, until `, timeOf(one.expires_at))), button("Withdraw", async () => { await api("DELETE", `/v1/people/invitations/${one.id}`); say("The link has ended"); await open(main); }, { class: "quiet", "aria-label": `Withdraw the invitation of ${one.email}` }))))) : null),
    h("section", { class: "card" }, h("h2", {}, "Invite somebody"), form([{ name: "email", label: "E-mail", type: "email", required: true }, { name: "role", label: "What they may", value: "support", options: [{ value: "support", label: "work on parcels (support)" }, { value: "merchant", label: "everything (merchant)" }] }], "Invite", async (values) => {
      const made = await api("POST", "/v1/people/invitations", values);
      show("Hand over this link yourself", h("p", {}, `It lets ${made.email} set a password, once, within three days. It also serves who forgot theirs.`), h("p", {}, copyable(new URL(made.url, location).href, "link")));
      say("Invited");
      await open(main);
    })),
    done(acts.data));
}

const PLACES = { shp: (id) => `shipments/${id}`, ord: (id) => `orders/${id}`, ep: (id) => `endpoints/${id}`, run: (id) => `runs/${id}`, acc: () => "setup/accounts", sho: () => "setup/shops" };

// What was done, a sentence each; the calls behind them only where somebody wants to see them.
function done(acts) {
  const list = h("ul", { class: "rows log" });
  const draw = (calls) => fill(list, ...acts.map((one) => h("li", { class: "work" }, h("span", {}, h("strong", {}, one.person || one.person_id), " ", sentence(one), calls ? h("code", { class: "small" }, `${one.act} ${one.subject}`) : null), h("span", { class: "small" }, timeOf(one.at)))));
  draw(false);
  return h("section", { class: "card" }, h("header", { class: "row spread" }, h("h2", {}, "What was done"), h("label", { class: "check" }, h("input", { type: "checkbox", onchange: (event) => draw(event.currentTarget.checked) }), "Show the calls")), acts.length ? list : h("p", { class: "empty" }, "Nothing yet."));
}

function sentence(one) {
  const [before, after] = (words.acts[one.act] ?? one.act).split("{}");
  return after === undefined ? before : [before, about(one), after];
}

// What it was about, with the way there as long as it is there.
function about({ subject, about }) {
  if (about === null) return h("span", { class: "soft" }, `${subject} (gone)`);
  const place = PLACES[subject.split("_")[0]];
  const name = h("bdi", {}, about || "read by polling");
  return place ? h("a", { href: `/console/${place(encodeURIComponent(subject))}` }, name) : name;
}
