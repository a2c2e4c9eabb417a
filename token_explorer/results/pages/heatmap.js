// The heat map: a canvas as large as what is in view, drawn again at each scroll, so that labels stay.
// Knows where a cell is; asks the page what it weighs.

const LARGEST = 84, SMALLEST = 5, LEGIBLE = 13, WRITTEN = 36, LONGEST_LABEL = 120, GAP = 4, HALF_LETTER = 6;
const canvas = byId("map"), scroller = byId("scroller"), pen = canvas.getContext("2d");
let size = 0; // of a cell, CSS pixels; 0: what fits
let layout = null;

const font = (pixels) => `${pixels}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace`;
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A text in so many pixels, its end left out if need be.
function shortened(text, room) {
  if (pen.measureText(text).width <= room) return text;
  const chars = [...text];
  let kept = chars.length;
  while (kept > 1 && pen.measureText(chars.slice(0, kept).join("") + "…").width > room) kept--;
  return chars.slice(0, kept).join("") + "…";
}

// Where all is, before scrolling: cells begin at (left, top).
function measure(width, height) {
  pen.font = font(12);
  const digits = pen.measureText(String(length)).width;
  const widest = Math.max(...content.tokens.map((token) => pen.measureText(token).width));
  const most = width < 500 ? LONGEST_LABEL * 0.6 : LONGEST_LABEL;
  const label = Math.min(widest, most);
  const left = Math.ceil(digits + label + 4 * GAP), top = Math.ceil(digits + label + 3 * GAP);
  const fitting = clamp(Math.floor(Math.min(width - left, height - top) / length), LEGIBLE, LARGEST);
  const side = size || fitting;
  return { left, top, label, digits, side, width: left + length * side + 1, height: top + length * side + 1 };
}

function arrange(width, height) {
  layout = measure(width, height);
  byId("spacer").style.width = `${layout.width}px`;
  byId("spacer").style.height = `${layout.height}px`;
}

function room() {
  const map = scroller.parentElement;
  return { width: map.clientWidth, height: parseFloat(getComputedStyle(scroller).maxHeight) || innerHeight };
}

// Draw what is in view.
function draw() {
  const { width, height } = room();
  arrange(width - 16, height - 16);
  paint(scroller.clientWidth, scroller.clientHeight, scroller.scrollLeft, scroller.scrollTop, devicePixelRatio || 1);
}

function paint(width, height, across, down, density) {
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  pen.setTransform(density, 0, 0, density, 0, 0);
  const { left, top, side } = layout;
  const firstKey = Math.max(0, Math.floor(across / side)), firstQuery = Math.max(0, Math.floor(down / side));
  const lastKey = Math.min(length, Math.ceil((across + width - left) / side));
  const lastQuery = Math.min(length, Math.ceil((down + height - top) / side));
  const seen = { firstKey, lastKey, firstQuery, lastQuery, x: left - across, y: top - down, width, height };
  paintCells(seen);
  paintCross(seen);
  paintMargins(seen);
}

function paintCells({ firstKey, lastKey, firstQuery, lastQuery, x, y }) {
  const { side } = layout, drawn = side >= 9 ? side - 1 : side, off = [ink("--off"), ink("--ink")];
  pen.font = font(Math.min(13, side / 3.2));
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let query = firstQuery; query < lastQuery; query++) {
    const values = row(query);
    for (let key = firstKey; key < Math.min(lastKey, query + 1); key++) {
      const [background, foreground] = onScale(key) ? content.colours[level(values[key])] : off;
      pen.fillStyle = background;
      pen.fillRect(x + key * side, y + query * side, drawn, drawn);
      if (side < WRITTEN) continue;
      pen.fillStyle = foreground;
      pen.fillText(brief(values[key]), x + (key + 0.5) * side, y + (query + 0.5) * side);
    }
  }
}

// A weight in the room of a cell.
function brief(weight) {
  if (weight === 0 || weight >= 0.995) return weight === 0 ? "0" : weight >= 1 ? "1" : ">.99";
  return weight < 0.005 ? "<.01" : weight.toFixed(2).slice(1);
}

// The row and the column of the cell that is looked at, and the cell.
function paintCross({ x, y }) {
  const { side } = layout, { query, key } = cell;
  pen.strokeStyle = ink("--accent");
  pen.lineWidth = 1;
  pen.strokeRect(x - 0.5, y + query * side - 0.5, (query + 1) * side, side);
  pen.strokeRect(x + key * side - 0.5, y + key * side - 0.5, side, (length - key) * side);
  pen.lineWidth = side < LEGIBLE ? 1 : 3;
  pen.strokeRect(x + key * side - 0.5, y + query * side - 0.5, side, side);
}

function paintMargins(seen) {
  const { left, top } = layout;
  pen.fillStyle = ink("--paper");
  pen.fillRect(0, 0, left - 1, seen.height);
  pen.fillRect(0, 0, seen.width, top - 1);
  clipped(0, top - HALF_LETTER, left, seen.height, () => labelQueries(seen));
  clipped(left - HALF_LETTER, 0, seen.width, top, () => labelKeys(seen));
}

function clipped(x, y, width, height, paintInside) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  paintInside();
  pen.restore();
}

// Every so many cells have a label that can be read; those that are looked at have one always.
function labelled(first, last, marked) {
  const every = Math.ceil(LEGIBLE / layout.side);
  const places = [];
  for (let place = first; place < last; place++) {
    const near = every > 1 && Math.abs(place - marked) < every;
    if (place === marked || (place % every === 0 && !near)) places.push(place);
  }
  return places;
}

function labelQueries({ firstQuery, lastQuery, y }) {
  for (const query of labelled(firstQuery, lastQuery, cell.query)) {
    label(query, query === cell.query, 0, y + (query + 0.5) * layout.side, 0);
  }
}

function labelKeys({ firstKey, lastKey, x }) {
  for (const key of labelled(firstKey, lastKey, cell.key)) {
    label(key, key === cell.key, x + (key + 0.5) * layout.side, layout.top, -Math.PI / 2);
  }
}

// A number and a token, which end or begin at the cells.
function label(place, marked, x, y, turn) {
  const { left, digits, label: width } = layout;
  pen.save();
  pen.translate(x, y);
  pen.rotate(turn);
  pen.font = (marked ? "bold " : "") + font(layout.side < 16 ? 11 : 12);
  pen.direction = "ltr";
  pen.textBaseline = "middle";
  const end = turn ? GAP + digits : left - GAP - width - GAP;
  pen.textAlign = "right";
  pen.fillStyle = ink(marked ? "--accent" : "--soft");
  pen.fillText(String(place + 1), end, 0);
  pen.textAlign = turn ? "left" : "right";
  pen.fillStyle = ink(marked ? "--accent" : "--ink");
  pen.fillText(shortened(content.tokens[place], width), turn ? end + GAP : left - GAP, 0);
  if (!turn && place === view.query) paintPin();
  pen.restore();
}

function paintPin() {
  pen.textAlign = "left";
  pen.fillStyle = ink("--accent");
  pen.fillText("▸", 0, 0);
}

// The cell under a point of the window; null for none.
function cellAt(event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  if (x < layout.left && y < layout.top) return null;
  const key = Math.floor((x - layout.left + scroller.scrollLeft) / layout.side);
  const query = Math.floor((y - layout.top + scroller.scrollTop) / layout.side);
  if (y < layout.top) return key < length ? { query: Math.max(key, cell.query), key } : null;
  if (x < layout.left) return query < length ? { query, key: Math.min(query, cell.key) } : null;
  return query < length && key <= query ? { query, key } : null;
}

// Scroll until a cell is in view.
function reveal({ query, key }) {
  const { left, top, side } = layout;
  const x = key * side, y = query * side;
  scroller.scrollLeft = clamp(scroller.scrollLeft, x + side - (scroller.clientWidth - left), x);
  scroller.scrollTop = clamp(scroller.scrollTop, y + side - (scroller.clientHeight - top), y);
}

function resize(by) {
  size = clamp(Math.round((size || layout.side) * by + (by > 1 ? 0.5 : -0.5)), SMALLEST, LARGEST);
  draw();
  reveal(cell);
}

function listenToMap() {
  canvas.addEventListener("pointermove", (event) => {
    const found = cellAt(event);
    if (found && (found.query !== cell.query || found.key !== cell.key)) look(found.query, found.key);
  });
  canvas.addEventListener("pointerleave", () => look(view.query, view.key));
  canvas.addEventListener("click", (event) => {
    const found = cellAt(event);
    if (found) pin(found.query, found.key);
  });
  scroller.addEventListener("scroll", draw);
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  listenToPrinting(paintWhole, draw);
}

// All of the map, as wide as paper, with three dots where a screen has one.
function paintWhole() {
  const kept = size;
  size = clamp(Math.floor((680 - layout.left) / length), 2, LARGEST);
  arrange(680, 680);
  paint(layout.width, layout.height, 0, 0, layout.height > 2000 ? 1 : 3);
  size = kept;
}
