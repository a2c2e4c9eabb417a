// Attention maps: a view is a layer and a head, or the mean or maximum over its heads.
// A query is pinned; the table and the text are about it. A cell is looked at, by pointer or keys.

const length = content.tokens.length;
const steps = content.colours.length;
const layers = new Map(content.layers.map((each) => [each.layer, each]));
const triangles = new Map();
const view = { layer: 0, head: "", query: 0, key: 0, sink: true };
let cell = { query: 0, key: 0 };

// Where the row of a query begins in a triangle of weights.
const rowStart = (query) => (query * (query + 1)) / 2;

const headsOf = (layer) => layers.get(layer).heads;
const headNames = (layer) => ["mean", "max", ...headsOf(layer).map((_, place) => String(place + 1))];

// The weights of all queries in one head, or over all, each row behind the one before.
function triangle(layer, head) {
  const name = `${layer} ${head}`;
  if (!triangles.has(name)) {
    if (triangles.size > 40) triangles.clear();
    const place = Number(head) - 1;
    triangles.set(name, place >= 0 ? floats(headsOf(layer)[place]) : combined(layer, head));
  }
  return triangles.get(name);
}

function combined(layer, head) {
  const each = headsOf(layer).map((base64) => floats(base64));
  const found = new Float64Array(each[0].length);
  for (let place = 0; place < found.length; place++) {
    let sum = 0, most = 0;
    for (const weights of each) {
      sum += weights[place];
      most = Math.max(most, weights[place]);
    }
    found[place] = head === "mean" ? sum / each.length : most;
  }
  return Float32Array.from(found);
}

const weights = () => triangle(view.layer, view.head);
const row = (query) => weights().subarray(rowStart(query), rowStart(query + 1));

// The end of the scale: the largest weight of the view, all queries and keys, but for the first key.
const high = () => layers.get(view.layer).ends[view.head][view.sink ? 0 : 1];
const onScale = (key) => view.sink || key > 0;
const level = (weight) => Math.min(Math.floor((weight / high()) * steps), steps - 1);

function headWords() {
  const heads = headsOf(view.layer).length;
  return view.head === "mean" || view.head === "max" ? `${view.head} of ${heads} heads` : `head ${view.head}`;
}

// What is shown, in words.

function showChoice() {
  const words = `layer ${view.layer}, ${headWords()}`;
  byId("chosen").textContent = words;
  document.title = `Attention · ${words} · ${content.model}`;
  byId("layer").value = view.layer;
  fill(byId("head"), ...headNames(view.layer).map((name) => option(name, name)));
  byId("head").value = view.head;
  byId("sink").checked = !view.sink;
  byId("high").textContent = fraction(high()) + (view.sink ? "" : " · key 1, in grey, is left out");
  byId("map").setAttribute("aria-label", `Weights of ${length} queries, down, to the keys before each, across`);
}

function showCell() {
  byId("weight").textContent = exact(row(cell.query)[cell.key]);
  fill(
    byId("cell"),
    `query ${cell.query + 1} `, tokenElement(content.tokens[cell.query]),
    ` attends to key ${cell.key + 1} `, tokenElement(content.tokens[cell.key]),
  );
}

function showText() {
  fill(byId("textTitle"), `What query ${view.query + 1} `, tokenElement(content.tokens[view.query]), " attends to");
  const values = row(view.query);
  [...byId("text").querySelectorAll("bdi")].forEach((made, key) => {
    const drawn = key <= view.query && onScale(key);
    const [background, ink] = drawn ? content.colours[level(values[key])] : ["", ""];
    made.style.background = background;
    made.style.color = ink;
    made.className = key === view.query ? "query" : key > view.query ? "later" : onScale(key) ? "" : "out";
    made.title = key <= view.query ? `key ${key + 1}: ${exact(values[key])}` : "comes later";
  });
}

function showStrongest() {
  const values = row(view.query);
  const keys = [...values.keys()].sort((one, other) => values[other] - values[one] || one - other);
  fill(byId("strongest"), ...keys.slice(0, content.listed).map((key) => strongRow(key, values[key], values[keys[0]])));
  byId("masses").textContent = masses(values);
}

function strongRow(key, weight, most) {
  const made = element("tr");
  const token = element("td");
  fill(token, tokenElement(content.tokens[key]));
  const bar = element("div", "", "bar");
  bar.style.width = `${most > 0 ? (100 * weight) / most : 0}%`;
  const cellOfBar = element("td");
  fill(cellOfBar, bar);
  made.append(element("td", String(key + 1)), token, element("td", exact(weight), "mono"), cellOfBar);
  return made;
}

// Where a row's weight goes; models with learned sinks give some of it to no token.
function masses(values) {
  const first = `To the first token ${fraction(values[0])}`;
  if (view.head === "max") return `${first}; maxima don't add up to 1.`;
  const rest = values.subarray(1).reduce((sum, value) => sum + value, 0);
  const missing = 1 - values[0] - rest;
  const none = missing > content.rounding ? `, to no token ${fraction(missing)}` : "";
  return `${first}, to the others ${fraction(rest)}${none}.`;
}

function show() {
  showChoice();
  showCell();
  showText();
  showStrongest();
  draw();
  const address = { layer: view.layer, head: view.head, query: view.query + 1, key: view.key + 1 };
  readdress(view.sink ? address : { ...address, sink: 0 });
}

// What the user does.

function look(query, key) {
  cell = { query: clamp(query, 0, length - 1), key: 0 };
  cell.key = clamp(key, 0, cell.query);
  showCell();
  draw();
}

function pin(query, key) {
  view.query = query;
  view.key = key;
  look(query, key);
  show();
}

function step(list, now, by) {
  return list[clamp(list.indexOf(now) + by, 0, list.length - 1)];
}

function chooseLayer(layer) {
  view.layer = layer;
  if (!headNames(layer).includes(view.head)) view.head = headNames(layer).at(-1);
  show();
}

function chooseHead(head) {
  view.head = head;
  show();
}

function chooseSink(sink) {
  view.sink = sink;
  show();
}

function move(down, right) {
  look(cell.query + down, cell.key + right);
  reveal(cell);
}

function readAddress() {
  const named = addressed();
  view.layer = within(named.get("layer"), 1, Infinity, content.view.layer);
  if (!layers.has(view.layer)) view.layer = content.view.layer;
  const head = named.get("head") ?? content.view.head;
  view.head = headNames(view.layer).includes(head) ? head : "mean";
  view.query = within(named.get("query"), 1, length, length) - 1;
  view.key = within(named.get("key"), 1, view.query + 1, strongest(view.query) + 1) - 1;
  view.sink = named.get("sink") !== "0";
  cell = { query: view.query, key: view.key };
}

function strongest(query) {
  const values = row(query);
  return values.indexOf(Math.max(...values));
}

function begin() {
  byId("about").textContent = about();
  drawRamp(byId("ramp"));
  fill(byId("layer"), ...[...layers.keys()].map((layer) => option(layer, layer)));
  for (const [query, token] of content.tokens.entries()) {
    const made = tokenElement(token);
    made.addEventListener("click", () => pin(query, query));
    byId("text").append(made, token.endsWith("↵") ? "\n" : "\u200b");
  }
  byId("layer").addEventListener("change", (event) => chooseLayer(Number(event.target.value)));
  byId("head").addEventListener("change", (event) => chooseHead(event.target.value));
  byId("sink").addEventListener("change", (event) => chooseSink(!event.target.checked));
  byId("smaller").addEventListener("click", () => resize(1 / 1.25));
  byId("larger").addEventListener("click", () => resize(1.25));
  addEventListener("hashchange", () => { readAddress(); show(); });
  listenToKeys({
    ArrowLeft: () => chooseLayer(step([...layers.keys()], view.layer, -1)),
    ArrowRight: () => chooseLayer(step([...layers.keys()], view.layer, 1)),
    ArrowUp: () => chooseHead(step(headNames(view.layer), view.head, -1)),
    ArrowDown: () => chooseHead(step(headNames(view.layer), view.head, 1)),
    w: () => move(-1, 0), s: () => move(1, 0), a: () => move(0, -1), d: () => move(0, 1),
    Enter: () => pin(cell.query, cell.key),
    f: () => chooseSink(!view.sink),
    "+": () => resize(1.25), "=": () => resize(1.25), "-": () => resize(1 / 1.25),
  });
  readAddress();
  listenToMap();
  show();
  reveal(cell);
}

begin();
