// Oneself: name, password, second factor, where one is signed in.

import { all, api, button, copyable, fill, form, h, say, show, timeOf } from "./lib.js";

export async function open(main) {
  const [me, sessions] = await Promise.all([api("GET", "/v1/me"), all("/v1/me/sessions")]);
  const one = me.person;
  fill(main, 
    h("section", { class: "card" }, h("h1", {}, "You"), h("p", {}, `${one.email}, ${one.role}`), form([{ name: "name", label: "Your name", value: one.name, required: true }], "Save", async (values) => { await api("PATCH", "/v1/me", values); say("Saved"); document.querySelector("#my-name").textContent = values.name; })),
    h("section", { class: "card" }, h("h2", {}, "Password"), form([{ name: "old", label: "The one you have", type: "password", autocomplete: "current-password", required: true }, { name: "new", label: "A new one, at least 12 characters", type: "password", autocomplete: "new-password", required: true }], "Change", async (values, made) => { await api("PUT", "/v1/me/password", values); made.reset(); say("Changed. You are signed out everywhere else."); await open(main); })),
    h("section", { class: "card" }, h("h2", {}, "Second factor"), one.second_factor ? form([{ name: "code", label: "A code, to take it away", inputmode: "numeric", required: true }], "Take it away", async (values) => { await api("POST", "/v1/me/second-factor/end", values); say("Taken away"); await open(main); }) : h("div", {}, h("p", {}, "With an authenticator a stolen password is not enough."), button("Set it up", async () => {
      const { secret, address } = await api("POST", "/v1/me/second-factor");
      const dialog = show("Set up the second factor", h("p", {}, "Open this link on the phone with your authenticator, or type the secret there."), h("p", {}, h("a", { href: address }, "Open in the authenticator")), h("p", {}, copyable(secret, "secret")), form([{ name: "code", label: "The six digits it shows", inputmode: "numeric", required: true }], "Confirm", async (values) => { await api("PUT", "/v1/me/second-factor", values); dialog.close(); say("It holds from now on"); await open(main); }));
    }))),
    h("section", { class: "card" }, h("h2", {}, "Where you are signed in"), h("ul", { class: "rows" }, ...sessions.map((session) => h("li", { class: "work" }, h("span", {}, session.agent || "a browser", session.this ? h("span", { class: "chip" }, "this one") : null), h("span", { class: "small" }, "last used ", timeOf(session.seen_at)), session.this ? null : button("Sign out there", async () => { await api("DELETE", `/v1/me/sessions/${session.id}`); await open(main); })))), button("Sign out everywhere", async () => { await api("DELETE", "/v1/me/sessions/all"); location.assign("/console/sign-in?out"); }, { class: "button-2 danger" })));
}
