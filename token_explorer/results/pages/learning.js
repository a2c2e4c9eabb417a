"use strict";
// One weight of a matrix in one iteration: all that AdamW computes from its gradient, number by number.

const iterations = content.iterations.map((each) => ({
  ...each,
  arrays: Object.fromEntries(Object.entries(each.arrays).map(([name, packed]) => [name, floats(packed)])),
}));
const [rows, columns] = content.shape;
const chosen = { iteration: byId("iteration"), row: byId("row"), column: byId("column") };
const view = addressed();

function row(cells, className) {
  const made = element("tr", undefined, className);
  made.append(...cells);
  return made;
}

const head = (...titles) => row(titles.map((title) => element("th", title)));
const number = (value) => element("td", exact(value), "number");

function shown(token) {
  const cell = element("td");
  cell.append(tokenElement(token));
  return cell;
}

function drawWindow(step) {
  const lines = step.inputs.map((token, place) =>
    row([element("td", String(place + 1), "number"), shown(token), shown(step.targets[place]),
      element("td", fraction(step.chances[place]), "number"), element("td", (-Math.log(step.chances[place])).toFixed(4), "number")]));
  fill(byId("window"), head("position", "read", "came next", "its probability", "loss (nats)"), ...lines);
  byId("loss").textContent =
    `The first of ${step.windows} windows of this iteration; their mean loss is ${short(step.loss)} nats a token. ` +
    `Learning rate ${short(step.learning_rate)}.`;
}

// What is computed, as a formula, with its numbers, and the result.
function computed(step, place) {
  const at = (name) => step.arrays[name][place], is = (name) => exact(at(name));
  const { learning_rate: rate, beta1, beta2, epsilon, weight_decay: decay, step: t } = step;
  const [eta, b1, b2, rest1, rest2] = [rate, beta1, beta2, 1 - beta1, 1 - beta2].map(short);
  return [
    ["the weight", "w", "", at("before")],
    ["its gradient", "g = ∂loss/∂w", "", at("gradient")],
    ["the weight, decayed", "w′ = w − η·λ·w", `${is("before")} − ${eta}·${short(decay)}·${is("before")}`, at("decayed")],
    ["first moment", "m ← β₁·m + (1 − β₁)·g", `${b1}·${is("first_before")} + ${rest1}·${is("gradient")}`, at("first")],
    ["second moment", "v ← β₂·v + (1 − β₂)·g²", `${b2}·${is("second_before")} + ${rest2}·(${is("gradient")})²`, at("second")],
    ["bias corrected", "m̂ = m / (1 − β₁ᵗ)", `${is("first")} / (1 − ${b1}^${t})`, at("first_corrected")],
    ["bias corrected", "v̂ = v / (1 − β₂ᵗ)", `${is("second")} / (1 − ${b2}^${t})`, at("second_corrected")],
    ["the step", "Δ = η·m̂ / (√v̂ + ε)", `${eta}·${is("first_corrected")} / (√${is("second_corrected")} + ${short(epsilon)})`, at("change")],
    ["the new weight", "w ← w′ − Δ", `${is("decayed")} − ${is("change")}`, at("weights")],
  ];
}

const short = (value) => String(Number(value.toPrecision(9)));

function draw() {
  const step = iterations[chosen.iteration.selectedIndex];
  const place = chosen.row.selectedIndex * columns + chosen.column.selectedIndex;
  drawWindow(step);
  const lines = computed(step, place).map(([name, formula, numbers, result], index, all) =>
    row([element("td", name), element("td", formula, "formula"), element("td", numbers, "formula"), number(result)],
      index === all.length - 1 ? "result" : undefined));
  fill(byId("steps"), head("what", "formula", "with its numbers", "result"), ...lines);
  const torch = step.arrays.after[place], apart = Math.abs(torch - step.arrays.weights[place]);
  byId("proof").textContent =
    `torch's new weight: ${exact(torch)}, which is ${apart === 0 ? "the same number" : `${apart.toExponential(1)} away`}. ` +
    `Of all weights of the matrix, the farthest is ${step.apart.toExponential(1)} away.`;
  readdress({ iteration: chosen.iteration.selectedIndex, row: chosen.row.selectedIndex + 1, column: chosen.column.selectedIndex + 1 });
}

function start() {
  byId("matrix").textContent = content.matrix;
  byId("about").textContent = `${content.model} · ${rows} × ${columns} weights`;
  const counted = (count) => Array.from({ length: count }, (_, index) => option(index, String(index + 1)));
  fill(chosen.iteration, ...iterations.map((each, index) => option(index, String(each.iteration))));
  fill(chosen.row, ...counted(rows));
  fill(chosen.column, ...counted(columns));
  chosen.iteration.selectedIndex = within(view.get("iteration"), 0, iterations.length - 1, Math.min(1, iterations.length - 1));
  chosen.row.selectedIndex = within(view.get("row"), 1, rows, 1) - 1;
  chosen.column.selectedIndex = within(view.get("column"), 1, columns, 1) - 1;
  for (const select of Object.values(chosen)) select.addEventListener("change", draw);
  draw();
}

start();
