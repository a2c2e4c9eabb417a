// What the worksheets share: tables of numbers, lines of working, and what paper shows.

// Columns of a table on paper; wider ones are cut into several below one another.
const PAPER_COLUMNS = 16;

const printing = () => document.documentElement.classList.contains("printing");

function row(heading, cells, tag) {
  const made = element("tr");
  const name = element("th");
  name.append(tokenElement(heading));
  made.append(name, ...cells.map((cell) => element(tag, cell)));
  return made;
}

// A table of numbers with names at its edges.
function numbersTable(columns, rows, values) {
  const table = element("table");
  const head = element("thead");
  head.append(row("", columns, "th"));
  const body = element("tbody");
  body.append(...values.map((line, place) => row(rows[place], line, "td")));
  table.append(head, body);
  return table;
}

// The same, on paper in blocks of columns.
function numbersBlocks(columns, rows, values) {
  const each = printing() ? PAPER_COLUMNS : Math.max(1, columns.length);
  const blocks = [];
  for (let first = 0; first < columns.length; first += each) {
    const cut = (line) => line.slice(first, first + each);
    blocks.push(numbersTable(cut(columns), rows, values.map(cut)));
  }
  return blocks;
}

function workingElement(lines) {
  const made = element("div", undefined, "worked");
  made.append(...lines.map((line) => element("p", line)));
  return made;
}

// The prompt, and the ids of its tokens.
function promptTable() {
  const table = numbersTable(["token", "id"], content.tokens.map((_, place) => String(place + 1)), []);
  table.className = "plain";
  const body = table.querySelector("tbody");
  content.tokens.forEach((token, place) => {
    const made = row(String(place + 1), [""], "td");
    made.lastChild.replaceChildren(tokenElement(token));
    made.append(element("td", String(content.ids[place])));
    body.append(made);
  });
  return table;
}

// On paper all that can be unfolded is.
function unfoldOnPaper(drawn) {
  let before = [];
  const all = () => [...document.querySelectorAll("details")];
  listenToPrinting(
    () => {
      before = all().map((each) => each.open);
      all().forEach((each) => { each.open = true; });
      drawn();
    },
    () => {
      all().forEach((each, place) => { each.open = before[place]; });
      drawn();
    },
  );
}
