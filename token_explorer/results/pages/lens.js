// The logit lens as a table: layers below each other, positions beside each other.
// One measure gives the colours; a cell is looked at, by pointer or keys, and one is kept.

const length = content.tokens.length;
const rows = content.layers + 1;
const tops = integers(content.tops);
const measures = content.measures.map((each) => ({ ...each, values: floats(each.values), levels: bytes(each.levels) }));
// Paper shows no more columns beside each other.
const PRINTED = 7;
// Columns that are made beside those in view.
const SPARE = 10;
const view = { measure: 0, layer: rows - 1, position: length - 1 };
let cell = { layer: rows - 1, position: length - 1 };
// The elements that are there, by their place; a long prompt's are made when they come into view.
let cells = [], columnHeads = [], rowHeads = [];
let built = { first: 0, last: 0 };

const at = (layer, position) => layer * length + position;
const topText = (layer, position) => content.texts[tops[at(layer, position)]];
const isOutput = (layer) => layer === rows - 1;
const layerName = (layer) => (isOutput(layer) ? `layer ${layer}, the model's own output` : layer ? `layer ${layer}` : "the embeddings");

// A value as it is: a probability may be less than float32 can hold.
function figure(measure, value) {
  if (Number.isNaN(value)) return "not known";
  if (measure.counts === "rank") return value.toFixed(0);
  if (measure.counts === "probability" && value === 0) return "<1e-45";
  return exact(value) + (measure.unit ? ` ${measure.unit}` : "");
}

// The table: as many columns as are in view, and some beside them; on paper all, in several tables.

function build(...parts) {
  [cells, columnHeads, rowHeads] = [[], [], []];
  fill(byId("tables"), ...parts.map(([first, last]) => table(first, last)));
  colour();
  mark();
}

function buildAll() {
  const parts = [];
  for (let first = 0; first < length; first += PRINTED) parts.push([first, Math.min(length, first + PRINTED)]);
  byId("tables").style.width = "";
  build(...parts);
  built = { first: 0, last: 0 };
}

function buildSeen() {
  const scroller = byId("scroller"), width = columnWidth();
  const first = Math.floor(scroller.scrollLeft / width), last = Math.ceil((scroller.scrollLeft + innerWidth) / width);
  if (built.first <= first && Math.min(last, length) <= built.last) return;
  built = { first: Math.max(0, first - SPARE), last: Math.min(length, last + SPARE) };
  build([built.first, built.last]);
  byId("tables").firstChild.style.marginLeft = `${built.first * width}px`;
  byId("tables").style.width = `${rowHeads[0][0].offsetWidth + length * width}px`;
}

const columnWidth = () => parseFloat(getComputedStyle(byId("scroller")).getPropertyValue("--column"));

function rebuild() {
  built = { first: 0, last: 0 };
  buildSeen();
}

function table(first, last) {
  const made = element("table"), head = element("thead"), names = element("tr"), body = element("tbody");
  names.append(corner());
  for (let position = first; position < last; position++) names.append(columnHead(position));
  head.append(names);
  for (let layer = 0; layer < rows; layer++) body.append(tableRow(layer, first, last));
  made.append(head, body);
  made.setAttribute("aria-colcount", length + 1);
  return made;
}

function corner() {
  const made = element("th");
  fill(made, element("span", "after"), "layer");
  return made;
}

function columnHead(position) {
  const made = element("th");
  made.scope = "col";
  made.setAttribute("aria-colindex", position + 2);
  made.title = content.tokens[position];
  fill(made, element("span", String(position + 1)), tokenElement(content.tokens[position]));
  columnHeads[position] = made;
  return made;
}

function tableRow(layer, first, last) {
  const made = element("tr", undefined, isOutput(layer) ? "output" : "");
  const head = element("th", isOutput(layer) ? `output ${layer}` : String(layer));
  head.scope = "row";
  (rowHeads[layer] ??= []).push(head);
  made.append(head);
  for (let position = first; position < last; position++) {
    const data = element("td", topText(layer, position));
    cells[at(layer, position)] = data;
    made.append(data);
  }
  return made;
}

// A class for each colour, as a style for each cell would take long.
function addColours() {
  const sheet = document.styleSheets[0];
  for (const [place, [background, ink]] of content.colours.entries()) {
    sheet.insertRule(`td.c${place} { background: ${background}; color: ${ink}; }`, sheet.cssRules.length);
  }
}

function colour() {
  const { levels } = measures[view.measure];
  cells.forEach((made, place) => {
    const next = content.ids[(place % length) + 1];
    made.className = `c${levels[place]}${tops[place] === next ? " next" : ""}`;
  });
}

// Mark the cell that is looked at, its row and column, and where else its token is first.

function mark() {
  const token = tops[at(cell.layer, cell.position)];
  cells.forEach((made, place) => made.classList.toggle("same", tops[place] === token));
  cells[at(cell.layer, cell.position)]?.classList.add("looked");
  columnHeads[cell.position]?.classList.add("looked");
  rowHeads[cell.layer].forEach((head) => head.classList.add("looked"));
}

function unmark() {
  cells[at(cell.layer, cell.position)]?.classList.remove("looked");
  columnHeads[cell.position]?.classList.remove("looked");
  rowHeads[cell.layer].forEach((head) => head.classList.remove("looked"));
}

function showCell() {
  const { layer, position } = cell;
  const next = position + 1 < length ? [", before ", tokenElement(content.tokens[position + 1])] : [", the last"];
  fill(
    byId("cell"),
    `${layerName(layer)} puts `, tokenElement(topText(layer, position)),
    ` first after token ${position + 1} `, tokenElement(content.tokens[position]), ...next,
  );
  fill(byId("values"), ...measures.map((measure, place) => valueOf(measure, place === view.measure)));
}

function valueOf(measure, drawn) {
  const made = element("div", undefined, drawn ? "drawn" : "");
  const name = measure.counts === "probability" && !measure.of_pin ? "probability" : measure.name;
  const value = measure.values[at(cell.layer, cell.position)];
  made.append(element("dt", name), element("dd", figure(measure, value)));
  return made;
}

function showMeasure() {
  const measure = measures[view.measure];
  byId("measure").value = view.measure;
  byId("chosen").textContent = measure.name;
  document.title = `Logit lens · ${measure.name} · ${content.model}`;
  byId("low").textContent = String(measure.low);
  const ratios = measure.scale === "log" ? ", by ratio" : "";
  byId("high").textContent = `${measure.high}${measure.unit ? ` ${measure.unit}` : ""}${ratios}`;
  byId("help").textContent = measure.help;
}

function address() {
  readdress({ measure: view.measure + 1, layer: view.layer, position: view.position + 1 });
}

// What the user does.

function look(layer, position) {
  unmark();
  cell = { layer: clamp(layer, 0, rows - 1), position: clamp(position, 0, length - 1) };
  mark();
  showCell();
}

function keep() {
  Object.assign(view, cell);
  address();
}

function move(down, right) {
  look(cell.layer + down, cell.position + right);
  keep();
  reveal();
}

// Scroll until the cell is in view beside the names at the edges.
function reveal() {
  const scroller = byId("scroller"), width = columnWidth(), [head] = rowHeads[cell.layer];
  const left = head.offsetWidth, top = columnHeads[built.first].offsetHeight;
  const x = left + cell.position * width, y = head.offsetTop;
  scroller.scrollLeft = clamp(scroller.scrollLeft, x + width - scroller.clientWidth, x - left);
  scroller.scrollTop = clamp(scroller.scrollTop, y + head.offsetHeight - scroller.clientHeight, y - top);
  buildSeen();
}

function chooseMeasure(place) {
  view.measure = place;
  colour();
  mark();
  showMeasure();
  showCell();
  address();
}

function readAddress() {
  const named = addressed();
  view.measure = within(named.get("measure"), 1, measures.length, 1) - 1;
  view.layer = within(named.get("layer"), 0, rows - 1, rows - 1);
  view.position = within(named.get("position"), 1, length, length) - 1;
}

function goToAddress() {
  readAddress();
  chooseMeasure(view.measure);
  look(view.layer, view.position);
  reveal();
}

// The layer and position of the cell that an event is about; null for none.
function cellOf(event) {
  const made = event.target.closest("td");
  if (!made) return null;
  const place = [...made.parentElement.parentElement.children].indexOf(made.parentElement);
  return { layer: place, position: built.first + made.cellIndex - 1 };
}

function listenToTable() {
  const scroller = byId("scroller");
  scroller.addEventListener("pointerover", (event) => {
    const found = cellOf(event);
    if (found) look(found.layer, found.position);
  });
  scroller.addEventListener("pointerleave", () => look(view.layer, view.position));
  scroller.addEventListener("click", (event) => {
    if (cellOf(event)) keep();
  });
  scroller.addEventListener("scroll", buildSeen);
  addEventListener("resize", rebuild);
  listenToPrinting(buildAll, rebuild);
}

function begin() {
  const pinned = content.pinned === null ? [] : [" · pinned: ", tokenElement(content.pinned)];
  fill(byId("about"), about(), ...pinned);
  drawRamp(byId("ramp"));
  addColours();
  fill(byId("measure"), ...measures.map((measure, place) => option(place, measure.name)));
  byId("measure").addEventListener("change", (event) => chooseMeasure(Number(event.target.value)));
  addEventListener("hashchange", goToAddress);
  listenToKeys({
    ArrowLeft: () => move(0, -1), ArrowRight: () => move(0, 1),
    ArrowUp: () => move(-1, 0), ArrowDown: () => move(1, 0),
    e: () => chooseMeasure((view.measure + 1) % measures.length),
  });
  buildSeen();
  listenToTable();
  goToAddress();
}

begin();
