"use strict";

// Which tab this is, when the keyboard is its terminal's, and what is said when its session is over.

const TAB = "tab";
// How long another page of this browser gets to say that it is this tab: one that was duplicated.
const ANSWER_MS = 150;
// A terminal of so many columns should fit into the window, in letters that can be read, CSS pixels.
const COLUMNS = 80;
const [SMALLEST, LARGEST] = [9, 16];
// The width of a letter by its height.
const NARROW = 0.6;
const byId = (id) => document.getElementById(id);

// The token has been exchanged for a cookie; it should be neither seen nor copied with the address.
history.replaceState(null, "", location.pathname);

function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The name by which the server knows this tab again after a reload. A duplicate takes another one.
async function tabName() {
  const tabs = new BroadcastChannel("tabs");
  let name = sessionStorage.getItem(TAB);
  if (!/^[0-9a-f]{32}$/.test(name) || (await isTaken(tabs, name))) {
    name = newName();
    sessionStorage.setItem(TAB, name);
  }
  tabs.onmessage = ({ data }) => data.asks === name && tabs.postMessage({ taken: name });
  return name;
}

function isTaken(tabs, name) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_MS);
    tabs.onmessage = ({ data }) => {
      if (data.taken === name) {
        clearTimeout(timer);
        resolve(true);
      }
    };
    tabs.postMessage({ asks: name });
  });
}

function fontSize() {
  const fitting = Math.floor(innerWidth / COLUMNS / NARROW);
  return Math.max(SMALLEST, Math.min(fitting, LARGEST));
}

const keyboard = () => document.querySelector(".xterm-helper-textarea");

function focusTerminal() {
  keyboard()?.blur(); // so that the terminal hears of it also where it had the focus
  keyboard()?.focus();
}

// The terminal's script opens the WebSocket; what it doesn't tell of its end is heard here.
class Connection extends WebSocket {
  constructor(url) {
    super(url);
    this.why = "";
    this.addEventListener("message", ({ data }) => {
      const [kind, text] = typeof data === "string" ? JSON.parse(data) : [];
      if (kind === "ended") {
        this.why = text || "The explorer has ended.";
      }
    });
    this.addEventListener("close", async () => showClosed(this.why || (await reason())));
  }

  // The terminal says that it has the keyboard also before there is a connection, and after.
  send(data) {
    if (this.readyState === WebSocket.OPEN) {
      super.send(data);
    }
  }
}

// Why there is no WebSocket: a page isn't told, but may ask.
async function reason() {
  try {
    const answer = await fetch("/why");
    return (await answer.text()).trim() || "The connection to the server was lost.";
  } catch {
    return "The server can't be reached.";
  }
}

function showClosed(why) {
  byId("why").textContent = why;
  byId("opening").hidden = true;
  byId("closed").hidden = false;
  byId("again").focus();
}

// The terminal sends ctrl+c on as a key; where text is selected by the browser's means, it copies.
function copySelection(event) {
  if (!event.ctrlKey || event.shiftKey || event.altKey || event.key.toLowerCase() !== "c") {
    return;
  }
  const copied = new ClipboardEvent("copy", { bubbles: true, cancelable: true, clipboardData: new DataTransfer() });
  keyboard()?.dispatchEvent(copied);
  const text = copied.clipboardData.getData("text/plain");
  if (text) {
    event.stopImmediatePropagation();
    event.preventDefault();
    navigator.clipboard?.writeText(text);
  }
}

// Files come as downloads, without a window that opens and closes.
function openUrl(url, target) {
  if (!new URL(url, location.href).href.startsWith(`${location.origin}/download/`)) {
    return windowOpen(url, target, "noopener");
  }
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
  return null;
}

const windowOpen = window.open.bind(window);

const loaded = () =>
  new Promise((resolve) => {
    if (document.readyState === "complete") {
      resolve();
    } else {
      window.addEventListener("load", resolve, { once: true });
    }
  });

async function start() {
  const terminal = byId("terminal");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  terminal.dataset.sessionWebsocketUrl = `${scheme}://${location.host}/ws/${await tabName()}`;
  terminal.dataset.fontSize = fontSize();
  await Promise.allSettled([document.fonts.load("16px 'Roboto Mono'"), document.fonts.load("bold 16px 'Roboto Mono'")]);
  await loaded(); // the terminal's script begins at that event, which must not come once more
  window.WebSocket = Connection;
  window.open = openUrl;
  const script = document.createElement("script");
  script.src = "/static/js/textual.js";
  script.onload = () => window.onload();
  script.onerror = () => showClosed("The terminal couldn't be loaded.");
  document.head.append(script);
}

new MutationObserver((_, observer) => {
  if (document.body.classList.contains("-first-byte")) {
    observer.disconnect();
    focusTerminal();
  }
}).observe(document.body, { attributeFilter: ["class"] });
window.addEventListener("focus", () => byId("closed").hidden && keyboard()?.focus());
document.addEventListener("keydown", copySelection, { capture: true });
byId("again").addEventListener("click", () => location.reload());
start();
