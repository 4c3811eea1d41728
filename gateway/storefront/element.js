// <parcel-status>: where a parcel is, on a shop's own page. No cookies, nothing inline, nothing but requests to the hub
// this script came from. Words and colours are filled in by the gateway: gateway/storefront/element.py.
(() => {
  if (customElements.get("parcel-status")) return;
  const WORDS = "__WORDS__";
  const LOOK = "__LOOK__";
  const from = document.currentScript?.src;
  const ENDS = ["delivered", "returned", "refunded", "cancelled"];
  const OPEN_ENTRIES = 3;
  const MINUTE = 60000;
  const LONGEST = 15 * MINUTE;
  const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOK);

  function make(tag, attributes, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
    made.append(...inside.filter((one) => one !== null && one !== ""));
    return made;
  }

  function icon(shape) {
    const space = "http://www.w3.org/2000/svg";
    const drawn = document.createElementNS(space, "svg");
    for (const [name, value] of [["viewBox", "0 0 24 24"], ["fill", "none"], ["stroke", "currentColor"], ["stroke-width", "2"], ["stroke-linecap", "round"], ["stroke-linejoin", "round"], ["aria-hidden", "true"]]) drawn.setAttribute(name, value);
    for (const d of shape) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("d", d);
      drawn.append(path);
    }
    return drawn;
  }

  class Refused extends Error {
    constructor(status) {
      super(`the hub answered ${status}`);
      this.status = status;
    }
  }

  class ParcelStatus extends HTMLElement {
    static observedAttributes = ["key", "store-key", "token", "number", "postcode", "email", "mode", "lang", "hub"];

    #root = this.attachShadow({ mode: "open" });
    #told = make("div", { class: "told" });
    #heard = make("p", { class: "unseen", "aria-live": "polite" });
    #slot = make("slot", {});
    #parcels = [];
    #timer = 0;
    #wait = MINUTE;
    #asked = 0;
    #round = 0;
    #planned = false;
    #form = null;

    constructor() {
      super();
      this.#root.adoptedStyleSheets = [sheet];
      this.#root.append(this.#told, this.#slot, this.#heard);
    }

    connectedCallback() {
      document.addEventListener("visibilitychange", this.#seen);
      this.#plan();
    }

    disconnectedCallback() {
      document.removeEventListener("visibilitychange", this.#seen);
      clearTimeout(this.#timer);
      this.#round += 1;
    }

    attributeChangedCallback(name, before, after) {
      if (this.isConnected && before !== after) this.#plan();
    }

    // Attributes often change together; what they add up to is asked for once.
    #plan() {
      if (this.#planned) return;
      this.#planned = true;
      queueMicrotask(() => {
        this.#planned = false;
        if (this.isConnected) this.#begin();
      });
    }

    get #mode() {
      const mode = this.getAttribute("mode");
      return ["badge", "timeline", "lookup"].includes(mode) ? mode : "timeline";
    }

    get #key() {
      return this.getAttribute("store-key") ?? this.getAttribute("key") ?? "";
    }

    get #language() {
      const asked = this.closest("[lang]")?.getAttribute("lang") || navigator.language || "";
      return LANGUAGE.test(asked) ? asked : "en";
    }

    get #words() {
      return WORDS[this.#language.split("-")[0].toLowerCase()] ?? WORDS.en;
    }

    #begin() {
      const round = (this.#round += 1);
      clearTimeout(this.#timer);
      this.#parcels = [];
      this.#wait = MINUTE;
      this.#form = null;
      this.#told.replaceChildren();
      this.#told.className = `told ${this.#mode}`;
      this.#slot.hidden = this.#mode === "lookup"; // the form takes its place
      const token = this.getAttribute("token");
      const number = this.getAttribute("number");
      const proof = this.getAttribute("postcode") ?? this.getAttribute("email");
      if (this.#mode === "lookup") this.#showForm(number ?? "");
      if (token) this.#follow(round, [token]);
      else if (number && proof) {
        this.#find(number, proof).then((parcels) => { if (round === this.#round) this.#take(parcels); }, () => {});
      }
    }

    async #ask(path, more = {}) {
      const hub = this.getAttribute("hub");
      const address = new URL(path, hub ? `${hub.replace(/\/+$/, "")}/` : new URL("./", from));
      address.searchParams.set("lang", this.#language);
      const headers = { Authorization: `Bearer ${this.#key}`, ...(more.body ? { "Content-Type": "application/json" } : {}) };
      const answer = await fetch(address, { ...more, headers, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-cache" });
      if (!answer.ok) throw new Refused(answer.status);
      return answer.json();
    }

    async #find(number, proof) {
      const body = JSON.stringify({ number, [proof.includes("@") ? "email" : "postal_code"]: proof });
      return (await this.#ask("v1/public/lookup", { method: "POST", body })).data;
    }

    #take(parcels) {
      this.#parcels = parcels;
      this.#asked = Date.now();
      this.#show();
      this.#later();
    }

    // Asks again gently: once a minute while somebody looks, slower when the hub is in trouble, never after the end.
    #later() {
      clearTimeout(this.#timer);
      if (this.#tokens().length > 0) this.#timer = setTimeout(this.#seen, this.#wait * (0.9 + Math.random() / 5));
    }

    #seen = () => {
      if (document.hidden || this.#tokens().length === 0) return;
      if (Date.now() - this.#asked < this.#wait * 0.85) return this.#later();
      this.#follow(this.#round, this.#tokens());
    };

    #tokens() {
      const token = (one) => (one.tracking_url ?? "").split("/").pop();
      return this.#parcels.every((one) => ENDS.includes(one.status)) ? [] : this.#parcels.map(token).filter(Boolean);
    }

    async #follow(round, tokens) {
      this.#asked = Date.now();
      try {
        const parcels = await Promise.all(tokens.map((token) => this.#ask(`v1/public/shipments/${encodeURIComponent(token)}`)));
        if (round !== this.#round) return;
        this.#wait = MINUTE;
        this.#take(parcels);
      } catch (trouble) {
        if (round !== this.#round) return;
        if ([401, 403, 404].includes(trouble.status)) return; // for good: what was shown last, or the page's own link, stays
        this.#wait = Math.min(this.#wait * 2, LONGEST);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#follow(round, tokens), this.#wait);
      }
    }

    #show() {
      const said = this.#parcels.map((one) => one.said);
      const heard = said.map((one) => one.headline).join(". ");
      const before = this.#heard.dataset.last;
      this.#heard.dataset.last = heard;
      if (before !== undefined && before !== heard) this.#heard.textContent = heard;
      // What says the same stays as it is, with the reader's focus in it; what was opened stays open.
      const place = this.#mode === "lookup" ? this.#form.parcels : this.#told;
      const shown = [...place.children];
      place.replaceChildren(...this.#parcels.map((one, index) => {
        const now = this.#mode === "badge" ? this.#badge(one) : this.#timeline(one);
        const was = shown[index];
        for (const [at, details] of [...now.querySelectorAll("details")].entries()) details.open = was?.querySelectorAll("details")[at]?.open ?? false;
        return was?.isEqualNode(now) ? was : now;
      }));
      this.#slot.hidden = true;
      const [first] = this.#parcels;
      if (first) {
        const { status, substatus, tracking_number } = first;
        this.dispatchEvent(new CustomEvent("parcel-status", { bubbles: true, composed: true, detail: { status, substatus, tracking_number } }));
      }
    }

    #badge(of) {
      const said = of.said;
      const attributes = { class: `pill tone-${said.tone}`, part: "badge", dir: said.direction, lang: said.language };
      const inside = [icon(said.shape), make("span", {}, said.status)];
      return of.tracking_url ? make("a", { ...attributes, href: of.tracking_url, rel: "noopener" }, ...inside) : make("span", attributes, ...inside);
    }

    #timeline(of) {
      const said = of.said;
      const words = WORDS[said.language.split("-")[0]] ?? this.#words;
      const entry = (one) => make("li", { class: `entry tone-${one.tone}` },
        make("p", { class: "strong" }, one.words),
        make("p", { class: "small" }, one.when ? make("time", { datetime: one.at || null }, one.when) : "", one.when && one.place ? " · " : "", one.place ? make("bdi", {}, one.place) : ""),
        one.earlier ? make("p", { class: "small" }, words.earlier) : null);
      const list = (some) => make("ol", { class: "history" }, ...some.map(entry));
      const older = said.history.slice(OPEN_ENTRIES);
      return make("section", { class: `card tone-${said.tone}`, part: "timeline", dir: said.direction, lang: said.language, "aria-label": said.headline },
        make("div", { class: "top" },
          make("span", { class: "sign", part: "sign" }, icon(said.shape)),
          make("div", {}, make("p", { class: "headline", part: "headline" }, said.headline), said.beside ? make("p", { class: "beside" }, said.beside) : null)),
        make("ol", { class: "steps", "aria-label": words.progress }, ...said.steps.map((step) => make("li", { class: `step ${step.state}`, "aria-current": step.state === "now" ? "step" : null },
          make("span", { class: "dot", "aria-hidden": "true" }),
          make("span", { class: "step-words" }, step.words, make("span", { class: "unseen" }, `, ${words[step.state]}`))))),
        said.trouble === null ? null : make("dl", { class: "trouble" }, ...["happened", "then", "you"].flatMap((name) => [make("dt", {}, words[name]), make("dd", {}, said.trouble[name])])),
        said.history.length > 0 ? list(said.history.slice(0, OPEN_ENTRIES)) : null,
        older.length > 0 ? make("details", {}, make("summary", {}, said.more), list(older)) : null,
        make("p", { class: "small foot" }, said.updated ? make("span", {}, said.updated) : null, make("span", {}, said.carrier, " ", make("bdi", { class: "number" }, of.tracking_number)),
          of.tracking_url ? make("a", { part: "link", href: of.tracking_url, rel: "noopener" }, words.page) : null));
    }

    #showForm(number) {
      const words = this.#words;
      const direction = WORDS.directions[this.#language.split("-")[0].toLowerCase()] ?? "ltr";
      const field = (id, label, value, more) => {
        const input = make("input", { id, part: "field", required: "", maxlength: "100", "aria-describedby": "problem", ...more });
        input.value = value;
        return [make("label", { for: id }, label), input];
      };
      const button = make("button", { type: "submit", part: "button" }, words.find);
      const problem = make("p", { id: "problem", class: "problem", role: "alert" });
      const parcels = make("div", { class: "parcels", tabindex: "-1" });
      const form = make("form", { class: "card", part: "form", dir: direction },
        ...field("number", words.number, number, { autocomplete: "off", spellcheck: "false" }),
        ...field("proof", words.proof, "", { autocomplete: "postal-code" }), button, problem);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#submit(form, button, problem, parcels);
      });
      this.#form = { parcels };
      this.#told.replaceChildren(form, parcels);
    }

    async #submit(form, button, problem, parcels) {
      if (button.getAttribute("aria-disabled") === "true") return;
      const words = this.#words;
      const round = (this.#round += 1);
      const say = (text) => {
        problem.textContent = text;
        for (const input of form.querySelectorAll("input")) input.setAttribute("aria-invalid", String(text !== ""));
      };
      button.setAttribute("aria-disabled", "true");
      say("");
      try {
        const found = await this.#find(form.querySelector("#number").value.trim(), form.querySelector("#proof").value.trim());
        if (round !== this.#round) return;
        delete this.#heard.dataset.last;
        this.#take(found);
        parcels.focus();
      } catch (trouble) {
        if (round !== this.#round) return;
        parcels.replaceChildren();
        say([404, 422].includes(trouble.status) ? words.missing : trouble.status === 429 ? words.too_often : words.unreachable);
      } finally {
        button.removeAttribute("aria-disabled");
      }
    }
  }

  customElements.define("parcel-status", ParcelStatus);
})();
