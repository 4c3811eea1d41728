// Where the courier is, while the page is open and the courier wants it told: often while moving, seldom while standing
// still or with a low battery. The phone's own watch says when it moved; what it says is sent together.

const MOVING = 10000;
const STILL = 60000;
const NEAR = 30;
const LOW = 0.2;
const MOST = 6;

function metres(one, other) {
  const rad = Math.PI / 180;
  const x = (other.longitude - one.longitude) * rad * Math.cos(((one.latitude + other.latitude) / 2) * rad);
  const y = (other.latitude - one.latitude) * rad;
  return Math.hypot(x, y) * 6371000;
}

export class Share {
  constructor(queue, say) {
    this.queue = queue;
    this.say = say;
    this.watch = null;
    this.fixes = [];
    this.last = null;
    this.sent = 0;
    this.moved = 0;
    this.low = false;
    this.lock = null;
    document.addEventListener("visibilitychange", () => { if (this.on) this.wake(); });
    navigator.getBattery?.().then((battery) => {
      const look = () => this.power(!battery.charging && battery.level <= LOW);
      for (const name of ["levelchange", "chargingchange"]) battery.addEventListener(name, look);
      look();
    });
  }

  get on() {
    return this.watch !== null;
  }

  get place() {
    return this.on && this.last !== null && Date.now() - Date.parse(this.last.at) < 120000
      ? { latitude: this.last.latitude, longitude: this.last.longitude, accuracy: this.last.accuracy }
      : undefined;
  }

  power(low) {
    if (low === this.low) return;
    this.low = low;
    if (this.on) { this.stop(); this.start(); } // the watch is told anew how exact it shall be
    this.say(low && this.on ? "share.low" : "");
  }

  start() {
    const how = { enableHighAccuracy: !this.low, maximumAge: 5000, timeout: 60000 };
    this.watch = navigator.geolocation.watchPosition((found) => this.take(found), (trouble) => this.fail(trouble), how);
    this.timer = setInterval(() => this.flush(), 5000);
    this.wake();
  }

  // A dark screen would end the watch: it stays on while the position is shared and the battery lasts.
  wake() {
    if (this.low || document.hidden) return;
    navigator.wakeLock?.request("screen").then((lock) => { if (this.on) this.lock = lock; else lock.release(); }, () => {});
  }

  stop() {
    if (this.watch !== null) navigator.geolocation.clearWatch(this.watch);
    clearInterval(this.timer);
    this.lock?.release();
    this.watch = this.lock = null;
    this.fixes = [];
  }

  fail(trouble) {
    if (trouble.code === trouble.PERMISSION_DENIED) { this.stop(); this.say("share.denied"); }
  }

  take(found) {
    const { latitude, longitude, accuracy, heading, speed } = found.coords;
    const fix = { at: new Date(found.timestamp).toISOString(), latitude, longitude, accuracy };
    if (heading !== null && !Number.isNaN(heading)) fix.heading = heading;
    if (speed !== null && speed >= 0) fix.speed = speed;
    if (this.anchor === undefined || metres(this.anchor, fix) > Math.max(NEAR, accuracy)) { this.anchor = fix; this.moved = Date.now(); }
    this.last = fix;
    this.fixes.push(fix);
    this.fixes.splice(0, this.fixes.length - MOST);
    this.flush();
  }

  flush() {
    const now = Date.now();
    const every = this.low || now - this.moved > STILL ? STILL : MOVING;
    if (this.fixes.length === 0 || now - this.sent < every) return;
    this.sent = now;
    this.queue.positions = [...this.queue.positions, ...this.fixes.splice(0)].slice(-MOST);
    this.queue.send();
  }
}
