// The console: which view an address shows, what stands round it, and the keys that work everywhere.

import { Problem, api, button, complaint, fill, h, owner, say, show, signingOut, staff, undoLast, who } from "./lib.js";

const VIEWS = [
  [/^\/console\/?$/, async (route) => go(staff ? "/console/desk" : "/console/carriers", true), null],
  [/^\/console\/desk$/, () => import("./desk.js"), "Desk"],
  [/^\/console\/search$/, () => import("./search.js"), "Search"],
  [/^\/console\/shipments\/([^/]+)$/, () => import("./shipment.js"), "Shipment"],
  [/^\/console\/orders\/([^/]+)$/, () => import("./order.js"), "Order"],
  [/^\/console\/ratings$/, () => import("./ratings.js"), "Ratings"],
  [/^\/console\/insights$/, () => import("./insights.js"), "Insights"],
  [/^\/console\/conversations$/, () => import("./conversations.js"), "Conversations"],
  [/^\/console\/fleet$/, () => import("./fleet.js"), "Fleet"],
  [/^\/console\/runs\/([^/]+)$/, () => import("./run.js"), "Run"],
  [/^\/console\/endpoints(?:\/([^/]+))?$/, () => import("./endpoints.js"), "Endpoints"],
  [/^\/console\/setup(?:\/([^/]+))?$/, () => import("./setup.js"), "Set-up"],
  [/^\/console\/people$/, () => import("./people.js"), "People"],
  [/^\/console\/me$/, () => import("./me.js"), "You"],
  [/^\/console\/carriers$/, () => import("./carriers.js"), "Connectors"],
];

const NAV = [
  ...(staff ? [["/console/desk", "Desk"], ["/console/conversations", "Conversations"], ["/console/ratings", "Ratings"], ["/console/fleet", "Fleet"], ["/console/insights", "Insights"]] : []),
  ...(staff ? [["/console/endpoints", "Endpoints"], ["/console/setup", "Set-up"]] : []),
  ["/console/carriers", "Connectors"],
  ...(owner ? [["/console/people", "People"]] : []),
];

const main = h("main", { id: "main", tabindex: "-1" });
const nav = h("nav", { "aria-label": "Console" });
const menu = h("button", { type: "button", class: "button-2 menu-button", "aria-expanded": "false", "aria-controls": "menu", onclick: () => unfold(menu.ariaExpanded === "false") }, "Menu");
const unfold = (open) => menu.setAttribute("aria-expanded", String(open));
const box = h("input", { type: "search", id: "find", name: "q", placeholder: "Find a shipment or order", title: "By number, order, name, e-mail, phone or postcode; or paste a tracking page's address, or up to 50 numbers", "aria-label": "Find a shipment or order", autocomplete: "off", "aria-keyshortcuts": "/" });

export function go(address, instead = false) {
  history[instead ? "replaceState" : "pushState"](null, "", address);
  return view();
}

let leave = () => {};
let turn = 0;

async function view() {
  const mine = ++turn;
  for (const [pattern, load, title] of VIEWS) {
    const match = location.pathname.match(pattern);
    if (!match) continue;
    const module = await load(match);
    if (title === null || mine !== turn) return;
    leave();
    leave = () => {};
    unfold(false);
    document.title = `${title} · Carrier gateway`;
    for (const link of nav.querySelectorAll("a")) {
      if (location.pathname.startsWith(link.getAttribute("href"))) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    let stop;
    try {
      stop = await module.open(main, match[1] === undefined ? undefined : decodeURIComponent(match[1]), new URLSearchParams(location.search));
    } catch (trouble) {
      if (!(trouble instanceof Problem)) throw trouble;
      if (mine === turn) fill(main, h("section", { class: "card" }, h("h1", {}, "It cannot be shown"), complaint(trouble), button("Try again", view)));
      return;
    }
    if (typeof stop === "function") { if (mine === turn) leave = stop; else stop(); }
    return;
  }
  fill(main, h("section", { class: "card" }, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "/console" }, "Back to the start"))));
}

function frame() {
  nav.append(...NAV.map(([href, text]) => h("a", { href }, text)));
  const find = h("form", { role: "search", class: "find", onsubmit: (event) => { event.preventDefault(); if (box.value.trim()) go(`/console/search?q=${encodeURIComponent(box.value.trim())}`); } }, box);
  const out = h("form", { method: "post", action: "/console/sign-out", onsubmit: () => { signingOut(); leave(); } }, h("button", { class: "quiet" }, "Sign out"));
  fill(document.querySelector("#app"), 
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "To the page"),
    h("header", { class: "top", onkeydown: (event) => { if (event.key === "Escape" && menu.ariaExpanded === "true") { unfold(false); menu.focus(); } }, onfocusout: ({ relatedTarget: next }) => { if (next && !next.closest(".top")) unfold(false); } }, h("a", { class: "home", href: "/console", "aria-label": "Carrier gateway, start" }, h("img", { src: document.querySelector("link[rel=icon]").href, alt: "", width: 28, height: 28 })), staff ? find : null, menu,
      h("div", { class: "menu", id: "menu" }, nav, h("div", { class: "me" }, h("a", { href: "/console/me" }, h("span", { id: "my-name" }, "You")), out))),
    main,
  );
}

let typing;
box.addEventListener("input", () => {
  clearTimeout(typing);
  const q = box.value.trim();
  if (q.length < 3) return;
  typing = setTimeout(() => go(`/console/search?q=${encodeURIComponent(q)}`, location.pathname === "/console/search"), 120);
});
// Lines become a list: the box has one line, and browsers would run them together.
box.addEventListener("paste", (event) => {
  const pasted = event.clipboardData.getData("text");
  if (!/[\r\n\t]/.test(pasted.trim())) return;
  event.preventDefault();
  box.setRangeText(pasted.trim().split(/\s*[\r\n\t]+\s*/).join(", "), box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input"));
});
box.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { event.preventDefault(); document.querySelector("[data-row] a")?.focus(); }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/console']");
  if (link === null || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || link.target) return;
  event.preventDefault();
  go(link.getAttribute("href")).then(() => { if (!main.contains(document.activeElement)) { main.focus({ preventScroll: true }); scrollTo(0, 0); } });
});
window.addEventListener("popstate", view);

const KEYS = [["/", "find a shipment or order"], ["j, k", "next, previous in the list"], ["Enter", "open it, or go to it where it stands beside the list"], ["e", "take it"], ["s", "let it sleep until tomorrow"], ["x", "mark it for acts on many"], ["E", "take all that are marked"], ["S", "let all that are marked sleep until tomorrow"], ["u", "undo what was just done"], ["g d", "to the desk"], ["?", "these keys"]];
let before = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
  if (event.key === "/") { event.preventDefault(); box.focus(); box.select(); }
  else if (event.key === "?") show("Keys", h("dl", { class: "keys" }, ...KEYS.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])));
  else if (event.key === "u") undoLast();
  else if (before === "g" && event.key === "d") go("/console/desk");
  else document.dispatchEvent(new CustomEvent("desk-key", { detail: event.key }));
  before = event.key;
});

frame();
view();
api("GET", "/v1/me").then((me) => {
  document.querySelector("#my-name").textContent = me.person?.name ?? who.role;
  if (me.merchant) document.querySelector(".home").title = me.merchant;
}).catch((trouble) => say(trouble.message));
