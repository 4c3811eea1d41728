// Photos scaled down before they are sent, and a signature drawn on the glass.

const LONGEST = 1600;

export async function scaled(file) {
  const image = await createImageBitmap(file, { imageOrientation: "from-image" });
  const by = Math.min(1, LONGEST / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * by);
  canvas.height = Math.round(image.height * by);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return new Promise((good) => canvas.toBlob(good, "image/jpeg", 0.8));
}

export class Glass {
  constructor(canvas) {
    this.canvas = canvas;
    this.drawn = false;
    this.last = null;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.last = null; });
  }

  clear() {
    const fine = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * fine));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * fine));
    this.pen = this.canvas.getContext("2d");
    this.pen.scale(fine, fine);
    this.pen.lineWidth = 2.5;
    this.pen.lineCap = this.pen.lineJoin = "round";
    this.pen.strokeStyle = this.pen.fillStyle = "#000000";
    this.drawn = false;
  }

  begin(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.last = [event.offsetX, event.offsetY];
    this.pen.beginPath();
    this.pen.arc(event.offsetX, event.offsetY, 1.25, 0, 2 * Math.PI);
    this.pen.fill();
  }

  go(event) {
    if (this.last === null) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      this.pen.beginPath();
      this.pen.moveTo(...this.last);
      this.pen.lineTo(one.offsetX, one.offsetY);
      this.pen.stroke();
      this.last = [one.offsetX, one.offsetY];
    }
    this.drawn = true;
  }

  async show(blob) {
    const image = await createImageBitmap(blob);
    this.pen.drawImage(image, 0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    image.close();
    this.drawn = true;
  }

  picture() {
    return new Promise((good) => this.canvas.toBlob(good, "image/png"));
  }
}
