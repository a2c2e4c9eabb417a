"use strict";
// What all pages share: their numbers, decoded and written, and what is put into the page, as text alone.

const content = JSON.parse(document.getElementById("content").textContent);
const byId = (id) => document.getElementById(id);

function bytes(base64) {
  const raw = atob(base64);
  const found = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) found[place] = raw.charCodeAt(place);
  return found;
}

const floats = (base64) => new Float32Array(bytes(base64).buffer);
const integers = (base64) => new Int32Array(bytes(base64).buffer);

// The shortest number of at least six digits that is this float32.
function exact(value) {
  if (value === 0) return "0";
  const write = (digits) => (Math.abs(value) < 1e-4 ? value.toExponential(digits - 1) : value.toPrecision(digits));
  const enough = [6, 7, 8].find((digits) => Math.fround(Number(write(digits))) === value);
  return write(enough ?? 9);
}

// A number from 0 to 1, short, and never a zero or a one that isn't.
function fraction(part) {
  if (part >= 1) return "1.0000";
  if (part >= 0.99995) return ">.9999";
  if (part >= 0.01) return part.toFixed(4);
  return part <= 0 ? "0" : part.toExponential(2);
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// A token's text stands apart, so that its direction turns nothing around it.
const tokenElement = (text) => element("bdi", text);

// Fill an element with strings and elements.
function fill(parent, ...parts) {
  parent.replaceChildren(...parts);
}

function option(value, text) {
  const made = element("option", text);
  made.value = value;
  return made;
}

// The colours of a ramp, from the lowest value on.
function drawRamp(ramp) {
  const stops = content.colours.map(([background]) => background);
  ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
}

function about() {
  const count = content.tokens.length;
  return `${content.model} · ${content.dtype} · ${content.device} · ${count} token${count === 1 ? "" : "s"}`;
}

// What the address names, such as #layer=3&head=2: a view that can be linked.
const addressed = () => new URLSearchParams(location.hash.slice(1));

function readdress(view) {
  const hash = "#" + new URLSearchParams(view);
  if (hash !== location.hash) history.replaceState(null, "", hash);
}

// A whole number that is written in a text and lies in [low, high]; else another.
function within(text, low, high, other) {
  const number = /^\d+$/.test(text ?? "") ? Number(text) : NaN;
  return number >= low && number <= high ? number : other;
}

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

// Keys do what `actions` says, but where they are typed into something or go with another key.
function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest("select, input, button, summary");
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (busy && (busy.tagName === "SELECT" || event.key === "Enter")) return;
    event.preventDefault();
    action();
  });
}

// Paper is white, and shows all at once.
function listenToPrinting(before, after) {
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    before();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    after();
  });
}
