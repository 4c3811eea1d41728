// What the courier did and the phone could not send yet: kept in the browser's database with ids and times of its own,
// sent in order, and forgotten only when the gateway says it is on disk.

const NAME = "courier";
const BATCH = 20;

const settled = (request) => new Promise((good, bad) => {
  request.onsuccess = () => good(request.result);
  request.onerror = () => bad(request.error);
});

const finished = (work) => new Promise((good, bad) => {
  work.oncomplete = () => good();
  work.onabort = work.onerror = () => bad(work.error);
});

// Half a sign, as a field leaves it that cuts at its length, is no text to anybody else.
const wellFormed = (_, value) => (typeof value === "string" && value.toWellFormed ? value.toWellFormed() : value);

async function database() {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("acts", { keyPath: "id" });
    opening.result.createObjectStore("files", { keyPath: "id" });
  };
  return settled(opening);
}

export class Queue {
  constructor(path) {
    this.path = path;
    this.sending = null;
    this.wait = 2000;
    this.most = BATCH;
    this.timer = 0;
    this.positions = [];
    this.heard = () => {};
  }

  async open() {
    this.base = await database();
    return this;
  }

  // Keeps an act with its pictures, all or nothing.
  async add(act, files) {
    const work = this.base.transaction(["acts", "files"], "readwrite", { durability: "strict" });
    work.objectStore("acts").put({ ...act, path: this.path });
    for (const file of files) work.objectStore("files").put({ ...file, act: act.id });
    await finished(work);
    this.send();
  }

  async acts() {
    const all = await settled(this.base.transaction("acts").objectStore("acts").getAll());
    return all.filter((one) => one.path === this.path).sort((a, b) => a.kept - b.kept);
  }

  async drop(ids) {
    const work = this.base.transaction(["acts", "files"], "readwrite");
    const files = await settled(work.objectStore("files").getAll());
    for (const id of ids) work.objectStore("acts").delete(id);
    for (const file of files) if (ids.includes(file.act)) work.objectStore("files").delete(file.id);
    await finished(work);
  }

  // Sends all there is; one at a time, and again later where the network or the gateway is away.
  send() {
    clearTimeout(this.timer);
    this.sending ??= this.run().then((sent) => {
      this.sending = null;
      if (sent) { this.wait = 2000; return this.more(); }
      this.timer = setTimeout(() => this.send(), this.wait);
      this.wait = Math.min(this.wait * 2, 60000);
    });
    return this.sending;
  }

  async more() {
    if (this.ended !== true && (this.positions.length > 0 || (await this.acts()).length > 0)) this.send();
  }

  async run() {
    if (this.ended) return true;
    try {
      const acts = (await this.acts()).slice(0, this.most);
      const fixes = this.positions.splice(0);
      if (acts.length === 0 && fixes.length === 0) { this.most = BATCH; this.heard({ taken: [], refused: [] }, true); return true; }
      for (const act of acts) await this.upload(act);
      const answer = await fetch(`${this.path}/acts`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ sent_at: new Date().toISOString(), acts: acts.map(({ path, kept, ...act }) => act), positions: fixes }, wellFormed),
      });
      if (answer.status === 404) { this.ended = true; this.heard({ ended: true }, true); return true; }
      if (answer.status === 422 && acts.length > 0) {
        // One that can never be read must not hold up the others: sent alone, it is found out.
        const alone = acts.length === 1 && fixes.length === 0;
        if (alone) await this.drop([acts[0].id]);
        this.most = 1;
        this.heard({ taken: [], refused: alone ? [{ id: acts[0].id, reason: "unreadable" }] : [] }, true);
        return true;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const said = await answer.json();
      await this.drop([...said.taken, ...said.refused.map((one) => one.id)]);
      this.heard(said, true);
      return true;
    } catch {
      if (this.ended) { this.heard({ ended: true }, true); return true; }
      this.heard({ taken: [], refused: [] }, false);
      return false;
    }
  }

  async upload(act) {
    const files = (await settled(this.base.transaction("files").objectStore("files").getAll())).filter((one) => one.act === act.id);
    for (const file of files) {
      const query = new URLSearchParams({ kind: file.kind, stop: act.stop });
      const answer = await fetch(`${this.path}/files/${file.id}?${query}`, { method: "PUT", body: file.blob });
      if (answer.status === 404) { this.ended = true; throw new Error("ended"); }
      // A picture the gateway will never take must not hold up what was done; it tells what is missing.
      if (!answer.ok && answer.status !== 413 && answer.status !== 422) throw new Error(String(answer.status));
      await settled(this.base.transaction("files", "readwrite").objectStore("files").delete(file.id));
    }
  }
}
