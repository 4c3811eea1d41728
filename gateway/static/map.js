// The map: courier, door and the places so far, over tiles or streets where the operator named some, over nothing else.

import "./vendor/leaflet.js";

const L = window.L;
const SHAPES = {
  courier: '<path d="M2 7h11v9H2zM13 10h4l4 3.5V16h-8"/><circle cx="6.5" cy="17.5" r="2"/><circle cx="17" cy="17.5" r="2"/>',
  door: '<path d="M4 10 12 4l8 6v10H4z"/><path d="M9.5 20v-6h5v6"/>',
  place: '<circle cx="12" cy="12" r="4"/>',
};

function spot(kind, size, ...more) {
  const html = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${SHAPES[kind]}</svg>`;
  return L.divIcon({ className: ["spot", `spot-${kind}`, ...more].join(" "), html, iconSize: [size, size] });
}

const at = (of) => [of.latitude, of.longitude];

class Map {
  constructor(place, told) {
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.map = L.map(place, { zoomControl: false, scrollWheelZoom: false, attributionControl: Boolean(told.attribution), zoomAnimation: !this.still, fadeAnimation: !this.still });
    L.control.zoom({ zoomInTitle: told.words.zoom_in, zoomOutTitle: told.words.zoom_out }).addTo(this.map);
    if (told.attribution) this.map.attributionControl.setPrefix(false).addAttribution(told.attribution);
    this.ground(told.tiles);
    this.places = L.layerGroup().addTo(this.map);
    this.touched = false;
    this.map.on("dragstart zoomstart", (event) => { if (!this.moving || event.type === "dragstart") this.touched = true; });
    this.courier = null;
    this.door = null;
    this.show(told);
  }

  ground(tiles) {
    if (!tiles) return;
    if (!tiles.endsWith(".geojson")) {
      L.tileLayer(tiles, { maxZoom: 19 }).addTo(this.map);
      return;
    }
    fetch(tiles).then((answer) => answer.json()).then((streets) => {
      const paint = getComputedStyle(document.documentElement);
      const line = paint.getPropertyValue("--ink-soft").trim();
      L.geoJSON(streets, {
        interactive: false,
        style: (one) => one.geometry.type.endsWith("Polygon")
          ? { stroke: false, fillColor: one.properties.water ? "#5b9bd5" : "#5aa469", fillOpacity: 0.28 }
          : { color: line, opacity: 0.5, weight: one.properties.width ?? 3 },
      }).addTo(this.map).bringToBack();
    }).catch(() => {}); // without streets the places still stand right to each other
  }

  show(told) {
    this.words = told.words;
    this.places.clearLayers();
    for (const one of told.places) {
      if (told.door && one.latitude === told.door.latitude && one.longitude === told.door.longitude) continue; // the door stands there
      const kind = one.kind ?? "place";
      const marks = [["late", one.late], ["old", one.stale]].filter(([, is]) => is).map(([mark]) => mark);
      const made = L.marker(at(one), { icon: spot(kind, kind === "place" ? 22 : 36, ...marks), keyboard: false, alt: `${told.words.place}: ${one.name}`, title: one.name }).addTo(this.places);
      if (one.choose) made.on("click", one.choose);
    }
    if (told.places.length > 1 && told.lines !== false) L.polyline(told.places.map(at), { color: "#808893", weight: 2, dashArray: "4 6", interactive: false }).addTo(this.places);
    if (told.door && this.door === null) this.door = L.marker(at(told.door), { icon: spot("door", 34), keyboard: false, alt: told.words.door, title: told.words.door }).addTo(this.map);
    if (told.position === null && this.courier !== null) { this.courier.remove(); this.courier = null; }
    this.fit(told);
    if (told.position !== null) this.move(told);
  }

  fit(told) {
    if (this.touched) return;
    const near = [told.position, told.door].filter(Boolean).map(at);
    const seen = near.length > 0 ? near : told.places.map(at);
    if (seen.length === 0) return;
    this.moving = true;
    this.map.fitBounds(L.latLngBounds(seen), { padding: [36, 36], maxZoom: near.length > 0 || told.lines === false ? 15 : 9, animate: !this.still && this.map._loaded === true });
    this.moving = false;
  }

  move(told) {
    const where = at(told.position);
    if (this.courier === null) {
      this.courier = L.marker(where, { icon: spot("courier", 40), zIndexOffset: 1000, keyboard: false, alt: this.words.courier, title: this.words.courier }).addTo(this.map);
    } else {
      const shown = this.courier.getElement();
      // It glides where it moves a little; a map that is being zoomed places its markers at once.
      shown.classList.add("glides");
      clearTimeout(this.settling);
      this.settling = setTimeout(() => shown.classList.remove("glides"), 1000);
      this.courier.setLatLng(where);
    }
    const shown = this.courier.getElement();
    shown.classList.toggle("old", Boolean(told.stale));
    shown.dataset.at = told.position.at;
    if (!this.map.getBounds().pad(-0.08).contains(where)) this.fit({ position: told.position, door: this.door && { latitude: this.door.getLatLng().lat, longitude: this.door.getLatLng().lng }, places: [] });
  }
}

// Opens a map on an element, or shows what was told on the one that is open.
export function open(place, told, known) {
  if (known === null) return new Map(place, told);
  known.show(told);
  return known;
}
