// Files of orders and shipments: choosing one, sending it, and what becomes of its lines.

import { Problem, act, all, api, button, fill, h, plural, say, table, timeOf, toTheDoor } from "./lib.js";
import { go } from "./app.js";

const EVERY = 1000;
const ROWS = 100;
const PAGE = "/console/setup/imports";
const TYPES = { csv: "text/csv", tsv: "text/csv", txt: "text/csv", ndjson: "application/x-ndjson", jsonl: "application/x-ndjson" };

export async function imports(place, query) {
  const id = query.get("import");
  return id === null ? await overview(place) : await one(place, id);
}

const share = (of) => h("progress", { class: "wide-bar", max: of.total, value: of.done, "aria-label": `${of.done} of ${of.total} done` });
const state = (of) => {
  const [tone, sign, word] = of.state === "running" ? ["move", "→", "under way"] : of.refused ? ["wait", "!", `done, ${of.refused.toLocaleString("en-GB")} refused`] : ["good", "✓", "done"];
  return h("span", { class: `status tone-${tone}` }, h("span", { class: "sign", "aria-hidden": "true" }, sign), word);
};
const thing = (of, count) => plural(count, of.kind === "orders" ? "order" : "shipment");

// Looks again and again as long as `look` says there is more to come. Returns what ends it.
async function watch(look) {
  let timer = null;
  let over = false;
  const turn = async () => {
    let more = true;
    try { more = await look(); } catch (trouble) { if (!(trouble instanceof Problem)) throw trouble; }
    if (more && !over) timer = setTimeout(turn, EVERY);
  };
  if (await look()) timer = setTimeout(turn, EVERY);
  return () => { over = true; clearTimeout(timer); };
}

async function overview(place) {
  const kinds = await all("/v1/imports/kinds");
  const list = h("div", { class: "stack" });
  let wanted = ROWS;

  async function look() {
    const found = [];
    let cursor = null;
    do {
      const page = await api("GET", `/v1/imports?limit=${ROWS}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      found.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor && found.length < wanted);
    fill(list, found.length ? h("ul", { class: "rows", "aria-label": "Imports" }, ...found.map(line)) : h("p", { class: "empty" }, "No file was imported yet."), cursor ? button("Show more", async () => { wanted += ROWS; await look(); }) : null);
    return found.some((of) => of.state === "running");
  }

  const stop = await watch(look);
  fill(place, begin(kinds), h("section", { class: "card" }, h("h2", {}, "Imports so far"), list));
  return stop;
}

function line(of) {
  return h("li", { class: "work", "data-row": of.id }, h("a", { href: `${PAGE}?import=${of.id}` }, h("strong", {}, thing(of, of.total)), of.filename ? h("span", {}, " ", h("bdi", {}, of.filename)) : null, h("span", { class: "small" }, " ", timeOf(of.created_at))), state(of), of.state === "running" ? h("progress", { max: of.total, value: of.done, "aria-label": `${of.done} of ${of.total} done` }) : null, h("span", { class: "small" }, counts(of)));
}

const counts = (of) => [of.state === "running" ? `${of.done} of ${of.total} looked at` : "", `${of.created} new`, of.known ? `${of.known} known before` : "", of.refused ? `${of.refused} refused` : ""].filter(Boolean).join(", ");

function begin(kinds) {
  const size = (bytes) => `${Math.round(bytes / 100000) / 10} MB`;
  const about = h("div", {});
  const columns = h("div", {});
  const sending = h("div", {});
  const kind = h("select", { id: "import-kind", onchange: () => draw() }, ...kinds.map((of) => h("option", { value: of.kind }, of.kind)));
  const box = h("input", { type: "file", id: "import-file", accept: Object.keys(TYPES).map((ending) => `.${ending}`).join(","), "aria-describedby": "import-limits" });
  const drop = h("div", { class: "drop" },
    h("label", { for: "import-file" }, h("strong", {}, "The file")), box, h("p", { class: "small", id: "import-limits" }, `Choose it, or drop it here: CSV (.csv) or a JSON object a line (.ndjson), in UTF-8, at most ${size(kinds[0].most_bytes)} and ${kinds[0].most_lines.toLocaleString("en-GB")} lines.`));
  const submit = h("button", { type: "submit", class: "button" }, "Import");

  function draw() {
    const of = kinds.find((one) => one.kind === kind.value);
    const sample = (form) => `/v1/imports/sample?kind=${of.kind}&form=${form}`;
    fill(about, h("p", {}, "A file to fill in, which can be imported as it is: ", h("a", { href: sample("csv"), download: true }, `${of.kind}.csv`), " or ", h("a", { href: sample("ndjson"), download: true }, `${of.kind}.ndjson`), "."));
    fill(columns, h("details", { open: columns.querySelector("details[open]") !== null }, h("summary", {}, `The ${plural(of.columns.length, "column")} there may be`), h("p", { class: "small" }, of.kind === "orders" ? "In any order, the first line names them; commas, semicolons and tabs all separate. An order of several articles stands on as many lines, one beneath the other." : "In any order, the first line names them; commas, semicolons and tabs all separate."), table(["Column", "What it holds"], of.columns.map((column) => [h("span", { class: "number" }, column.name), column.required ? [column.help, " ", h("span", { class: "chip" }, "needed")] : column.help].map((cell) => h("span", {}, cell))), "")));
  }

  async function send() {
    const [file] = box.files;
    const of = kinds.find((one) => one.kind === kind.value);
    if (file === undefined) throw new Problem(0, { title: "The file: choose one first." });
    const type = TYPES[file.name.split(".").pop().toLowerCase()];
    if (type === undefined) throw new Problem(0, { title: `The file: ${file.name} ends in neither .csv nor .ndjson. Save it as one of these.` });
    if (file.size === 0) throw new Problem(0, { title: `The file: ${file.name} is empty.` });
    if (file.size > of.most_bytes) throw new Problem(0, { title: `The file: ${file.name} has ${size(file.size)}, at most ${size(of.most_bytes)} are taken. Split it.` });
    const bar = h("progress", { class: "wide-bar", max: file.size, value: 0, "aria-label": `Sending ${file.name}` });
    const said = h("p", { class: "small", role: "status" }, `Sending ${file.name}…`);
    fill(sending, bar, said);
    try {
      const made = await upload(`/v1/${of.kind}/import?filename=${encodeURIComponent(file.name)}`, file, type, (sent) => { bar.value = sent; if (sent >= file.size) said.textContent = "Sent. It is being read…"; });
      if (sending.isConnected) {
        await go(`${PAGE}?import=${made.id}`);
        document.querySelector("main").focus({ preventScroll: true });
        scrollTo(0, 0);
      } else say(`The import of ${thing(made, made.total)} has begun`);
    } finally {
      fill(sending);
    }
  }

  // The whole card takes the file: one that is dropped beside would open in the page's place.
  const dropping = {
    ondragover: (event) => { event.preventDefault(); drop.classList.add("over"); },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); drop.classList.remove("over"); if (event.dataTransfer.files.length) box.files = event.dataTransfer.files; },
  };
  draw();
  return h("section", { class: "card", ...dropping }, h("h1", {}, "Import a file"), h("p", { class: "soft" }, "For what your shop does not send by itself: orders and parcels of a spreadsheet or of another system. The same file again makes nothing twice, and a bad line harms no other."),
    h("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); act(submit, send); } }, h("div", { class: "field" }, h("label", { for: "import-kind" }, "What is in it"), kind), about, drop, sending, submit), columns);
}

// Sends a file and tells how much of it is gone: `fetch` cannot say that.
function upload(path, file, type, told) {
  return new Promise((resolve, reject) => {
    const asking = new XMLHttpRequest();
    asking.open("POST", path);
    for (const [name, value] of Object.entries({ "X-Console": "1", Accept: "application/json", "Content-Type": type })) asking.setRequestHeader(name, value);
    asking.responseType = "json";
    asking.upload.onprogress = (event) => told(event.loaded);
    asking.onload = () => {
      if (asking.status === 401) toTheDoor();
      else if (asking.status === 202) resolve(asking.response);
      else reject(new Problem(asking.status, asking.response ?? {}));
    };
    asking.onerror = () => reject(new Problem(0, { title: "The gateway cannot be reached. Are you offline?" }));
    asking.send(file);
  });
}

async function one(place, id) {
  const base = `/v1/imports/${encodeURIComponent(id)}`;
  const said = h("p", { class: "lead", role: "status" });
  const figures = h("div", { class: "stack" });
  const refused = h("div", {});
  let wanted = ROWS;
  let before = null;

  async function wrong(of) {
    const found = [];
    let cursor = null;
    do {
      const page = await api("GET", `${base}/lines?refused=true&limit=${ROWS}${cursor ? `&cursor=${cursor}` : ""}`);
      found.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor && found.length < wanted);
    fill(refused, h("section", { class: "card" }, h("header", { class: "row spread" }, h("h2", {}, "What was refused"), h("a", { href: `${base}/refused`, download: true }, "All of it as a file")), h("p", { class: "small" }, "Mend these lines in your file and import it again: what is there already stays as it is."), table(["Line", "Field", "What is wrong"], found.flatMap((row) => mistakes(of, row)), ""), cursor ? button("Show more", async () => { wanted += ROWS; await wrong(of); }) : null));
  }

  async function look() {
    const of = await api("GET", base);
    const running = of.state === "running";
    if (before?.state !== of.state) fill(said, state(of));
    fill(figures, share(of), h("dl", { class: "facts" }, ...[of.filename ? ["File", h("bdi", {}, of.filename)] : null, ["Looked at", `${of.done.toLocaleString("en-GB")} of ${of.total.toLocaleString("en-GB")}`], ["New", of.created.toLocaleString("en-GB")], ["Known before", of.known.toLocaleString("en-GB")], ["Refused", of.refused.toLocaleString("en-GB")], ["Begun", timeOf(of.created_at)], running ? null : ["Done", timeOf(of.finished_at)]].filter(Boolean).flatMap(([what, value]) => [h("dt", {}, what), h("dd", {}, value)])),
      running ? h("p", { class: "small" }, "You may leave this page: the import goes on, and is found again under Imports.") : null);
    if (of.refused > (before?.refused ?? 0)) await wrong(of);
    before = of;
    return running;
  }

  const stop = await watch(look);
  fill(place, h("p", {}, h("a", { href: PAGE }, "← All imports")), h("section", { class: "card" }, h("h1", {}, `Import of ${thing(before, before.total)}`), said, figures), refused);
  return stop;
}

// A row for each mistake of a line: its number, the field by its name in the file, the reason.
function mistakes(of, row) {
  const { errors, detail, title } = row.problem;
  return (errors?.length ? errors : [{ pointer: "", detail: detail || title }]).map((error) => [String(row.line), h("span", { class: "number" }, field(of, error.pointer) || "the whole line"), error.detail]);
}

function field(of, pointer) {
  const name = pointer.replace(/^\//, "").replaceAll("/", ".");
  return of.form === "csv" ? name.replace(/^lines\.\d+\./, "line.") : name;
}
