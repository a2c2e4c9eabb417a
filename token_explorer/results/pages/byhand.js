// A forward by hand: each step in its order, to be unfolded.

function fillStep(place, box) {
  const step = content.steps[place];
  const rows = step.rows.map((row) => content.rows[row]);
  const scroller = element("div", undefined, "scroller");
  scroller.append(...numbersBlocks(step.columns, rows, step.values));
  fill(box, element("p", step.formula, "formula"), scroller, ...step.workings.map(workingElement));
}

function stepElement(step, place) {
  const made = element("details");
  const summary = element("summary");
  const box = element("div", undefined, "step");
  summary.append(element("b", step.title), element("span", step.shape), element("span", step.name));
  made.append(summary, box);
  made.open = place < 3 || content.steps.length < 8;
  return made;
}

// What a folded step holds is made when it is unfolded.
function drawSteps() {
  document.querySelectorAll("#steps details").forEach((each, place) => {
    if (each.open) fillStep(place, each.lastChild);
  });
}

function foldAll(open) {
  document.querySelectorAll("#steps details").forEach((each) => { each.open = open; });
}

function nextTable() {
  const table = numbersTable(["token", "id", "probability"], content.next.map((_, place) => String(place + 1)), content.next.map((each) => ["", String(each[1]), each[2]]));
  table.querySelectorAll("tbody tr").forEach((each, place) => each.children[1].replaceChildren(tokenElement(content.next[place][0])));
  return table;
}

function begin() {
  fill(byId("model"), content.model);
  fill(byId("about"), content.described);
  fill(byId("prompt"), promptTable());
  fill(byId("steps"), ...content.steps.map(stepElement));
  fill(byId("next"), nextTable());
  fill(byId("same"), `By hand it is the same within ${content.same}.`);
  document.querySelectorAll("#steps details").forEach((each) => each.addEventListener("toggle", drawSteps));
  byId("unfold").addEventListener("click", () => foldAll(true));
  byId("fold").addEventListener("click", () => foldAll(false));
  unfoldOnPaper(drawSteps);
  drawSteps();
}

begin();
