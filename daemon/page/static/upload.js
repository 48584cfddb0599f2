// Uploads files piece by piece (tus 1.0.0), and goes on where it was after a lost connection, a reload, or a restart of
// the server. The server knows what is there; this page remembers only which tray is its own.
"use strict";

const form = document.getElementById("drop");
const zone = document.getElementById("zone");
const rows = document.getElementById("rows");
const words = form.dataset;
const csrf = document.querySelector('meta[name="csrf"]').content;
const LEAST = 256 * 1024;
const LONGEST_WAIT = 30000;
const STALLED = 90000;
const MEMORY = "lipsyncd.tray";
const CHOICES = "lipsyncd.choices";

let most = 16 * 1024 * 1024; // bytes of one piece
let tray = "";
let entries = []; // { name, length, mtime, offset, whole, cut, address, file, path, row, fault, retry }
let running = false;
let wanted = false;
let leaving = false;
let fault = null;
let current = null; // the request under way
let guessed = "";

class Failure extends Error {
  constructor(status, message, hint) {
    super(message || String(status));
    this.status = status;
    this.hint = hint || "";
  }
}

// ---- asking the server

// A request that says how far it is; fetch would not.
function ask(method, address, headers, body, onprogress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let stalled = null;
    const alive = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), STALLED);
    };
    request.open(method, address);
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers || {})) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      alive();
      if (onprogress) onprogress(event.loaded);
    };
    request.onload = () => {
      clearTimeout(stalled);
      if (request.status >= 200 && request.status < 300) resolve(request);
      else reject(failure(request));
    };
    request.onerror = request.onabort = () => {
      clearTimeout(stalled);
      reject(new Failure(0, words.retry));
    };
    alive();
    current = request;
    request.send(body === undefined ? null : body);
  });
}

function failure(request) {
  try {
    const { message, hint } = JSON.parse(request.responseText).error;
    return new Failure(request.status, message, hint);
  } catch {
    const failed = new Failure(request.status, request.status === 401 || request.status === 403 ? words.stale : "");
    return Object.assign(failed, { foreign: true });
  }
}

const tus = (more) => ({ "Tus-Resumable": "1.0.0", ...more });
const passing = (error) => error.status === 0 || error.status === 408 || error.status === 409 || (error.status >= 500 && error.status !== 507);
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

async function look() {
  const said = JSON.parse((await patiently(null, () => ask("GET", `/drop/${tray}`))).responseText);
  if (said.landed) throw new Failure(404, words.lost);
  return said;
}

// ---- the list

function add(name, file, known) {
  const row = document.createElement("li");
  const title = document.createElement("strong");
  title.className = "breaks";
  title.dir = "auto";
  title.textContent = name;
  const state = document.createElement("span");
  state.className = "state figures";
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.setAttribute("aria-label", name);
  const acts = document.createElement("span");
  acts.className = "acts";
  const again = act(words.again, `${words.again}: ${name}`);
  const remove = act(words.removeShort, words.remove.replace("{name}", name));
  acts.append(again, remove);
  row.append(title, state, bar, acts);
  rows.append(row);
  const entry = { name, file, row, state, bar, again, offset: 0, whole: false, fault: null, retry: false, ...known };
  again.addEventListener("click", () => {
    entry.fault = null;
    show(entry);
    run();
  });
  remove.addEventListener("click", () => drop(entry));
  entries.push(entry);
  show(entry);
  return entry;
}

function act(text, label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = text;
  button.setAttribute("aria-label", label);
  return button;
}

function show(entry) {
  const share = entry.length ? Math.floor((100 * entry.offset) / entry.length) : 0;
  const { row, bar, state } = entry;
  row.className = entry.fault ? (entry.fault.status === 415 ? "" : "wrong") : entry.whole ? (entry.cut ? "cut" : "whole") : "";
  bar.hidden = Boolean(entry.fault) || entry.whole;
  bar.value = share;
  entry.again.hidden = !entry.fault || !entry.file || !entry.address;
  if (entry.fault) state.textContent = sentence(entry.fault);
  else if (entry.whole) state.textContent = entry.cut ? words.cut : `${words.whole} · ${size(entry.length)}`;
  else if (!entry.file) state.textContent = words.missing.replace("{share}", share);
  else if (entry.retry) state.textContent = words.retry;
  else if (entry.address && running) state.textContent = words.sending.replace("{share}", share).replace("{left}", size(entry.length));
  else state.textContent = words.waiting;
  document.getElementById("chosen").hidden = entries.length === 0;
  document.getElementById("cancel").hidden = !tray;
}

function size(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) {
    count /= 1000;
    unit += 1;
  }
  return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

// What happened and what to do: the daemon's own words come without an end.
function sentence({ message, hint }) {
  const [stop, gap] = document.documentElement.lang.startsWith("zh") ? ["。", ""] : [".", " "];
  return `${message}${/[.!?。！？]$/.test(message) ? "" : stop}${gap}${hint || ""}`.trim();
}

function say(text) {
  document.getElementById("said").textContent = text;
}

function complain(text) {
  const wrong = document.getElementById("wrong");
  wrong.textContent = text;
  wrong.hidden = !text;
}

// What would come of the files, as the server sees it.
function judge(said) {
  const verdict = document.getElementById("verdict");
  fault = said.fault;
  const list = document.createElement("ul");
  for (const [face, speech] of said.pairs) {
    const item = document.createElement("li");
    item.className = "breaks";
    item.dir = "auto";
    item.textContent = words.pair.replace("{face}", () => face).replace("{speech}", () => speech);
    list.append(item);
  }
  verdict.className = fault ? "message wait" : "message";
  verdict.replaceChildren(fault ? sentence(fault) : words.pairs);
  if (!fault) verdict.append(list);
  verdict.hidden = said.files.length === 0;
}

async function renew() {
  if (tray) judge(await look());
}

// ---- choosing

async function choose(files, folder) {
  complain("");
  const name = document.getElementById("name");
  for (const { path, file } of files) {
    const mtime = String(file.lastModified);
    const old = entries.find((entry) => entry.path === path && entry.length === file.size && entry.mtime === mtime);
    if (old) {
      old.file = file;
      old.fault = null;
      show(old);
    } else {
      add(path, file, { path, length: file.size, mtime });
    }
  }
  if (!name.value || name.value === guessed) {
    const audio = files.find(({ file }) => file.type.startsWith("audio/")) || files[0];
    guessed = folder || name.value || (audio ? audio.path.replace(/\.[^.]*$/, "") : "");
    name.value = guessed;
    sessionStorage.setItem(CHOICES, fields());
  }
  await run();
}

const HIDDEN = /^(\.DS_Store|\._.*|Thumbs\.db|desktop\.ini)$/i;

function fromInput(input) {
  const found = [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  input.value = "";
  const folder = found.length && found[0].path.includes("/") ? found[0].path.split("/")[0] : "";
  return [found.map(({ path, file }) => ({ path: folder ? path.slice(folder.length + 1) : path, file })), folder];
}

async function fromDrag(data) {
  const items = [...data.items].filter((item) => item.kind === "file");
  const found = items.map((item) => (item.webkitGetAsEntry ? item.webkitGetAsEntry() : null));
  const plain = items.map((item) => item.getAsFile());
  const folders = found.filter((entry) => entry && entry.isDirectory);
  if (folders.length > 1) throw new Failure(422, words.folders);
  const files = [];
  for (const [number, entry] of found.entries()) {
    if (entry && entry.isDirectory) files.push(...(await walk(entry, "")));
    else if (plain[number]) files.push({ path: plain[number].name, file: plain[number] });
  }
  return [files, folders.length ? folders[0].name : ""];
}

async function walk(folder, prefix) {
  const reader = folder.createReader();
  const files = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return files;
    for (const entry of some) {
      if (entry.isDirectory) files.push(...(await walk(entry, `${prefix}${entry.name}/`)));
      else files.push({ path: prefix + entry.name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    }
  }
}

// ---- sending

async function run() {
  if (running) return;
  running = true;
  try {
    await announceAll();
    for (;;) {
      const entry = entries.find((one) => one.address && one.file && !one.whole && !one.fault);
      if (!entry) break;
      await send(entry);
      await announceAll();
    }
  } catch (error) {
    trouble(error);
  } finally {
    running = false;
    entries.forEach(show);
  }
  const left = entries.some((one) => !one.whole && !(one.fault && !one.address));
  if (entries.length && !left) say(words.all);
  if (wanted && entries.some((one) => one.fault)) wanted = false; // nothing is dropped without a file that was meant
  if (wanted && !left) await finish();
}

async function announceAll() {
  const fresh = entries.filter((one) => !one.address && one.file && !one.fault);
  if (!fresh.length) return;
  if (!tray) {
    tray = JSON.parse((await patiently(null, () => ask("POST", "/drop/new"), true)).responseText).id;
    sessionStorage.setItem(MEMORY, tray);
  }
  for (const entry of fresh) {
    if (HIDDEN.test(entry.path.split("/").pop())) {
      forget(entry);
      continue;
    }
    try {
      const headers = tus({
        "Upload-Length": String(entry.length),
        "Upload-Metadata": `filename ${base64(entry.path)},mtime ${base64(entry.mtime)}`,
      });
      const answer = await patiently(entry, () => ask("POST", `/drop/${tray}/files`, headers), true);
      entry.address = answer.getResponseHeader("Location");
      entry.offset = Number(answer.getResponseHeader("Upload-Offset"));
    } catch (error) {
      if (lost(error)) throw error;
      refuse(entry, error);
    }
    show(entry);
  }
  await renew();
}

function refuse(entry, error) {
  entry.fault = error;
  say(sentence(error));
}

async function send(entry) {
  try {
    do {
      await patiently(entry, () => piece(entry));
    } while (!entry.whole && entries.includes(entry));
  } catch (error) {
    if (lost(error)) throw error;
    if (entries.includes(entry)) {
      refuse(entry, error);
      if (error.status === 422) entry.address = null; // the server has removed it
      await renew();
    }
  }
  show(entry);
}

async function piece(entry) {
  const begin = entry.offset;
  const part = entry.file.slice(begin, begin + most);
  const headers = tus({ "Upload-Offset": String(begin), "Content-Type": "application/offset+octet-stream" });
  const answer = await ask("PATCH", entry.address, headers, part, (loaded) => {
    entry.offset = begin + loaded;
    broken(false);
    show(entry);
  });
  entry.offset = Number(answer.getResponseHeader("Upload-Offset"));
  entry.whole = entry.offset === entry.length;
  entry.cut = answer.getResponseHeader("X-Upload-Cut-Off") === "yes";
  show(entry);
}

// Tries again what may work later, longer and longer apart; after each failure the server says where to go on.
async function patiently(entry, action, created) {
  for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      const done = await action();
      broken(false);
      return done;
    } catch (error) {
      if (error.status === 413 && error.foreign && most > LEAST) {
        most /= 4; // a proxy before the page takes no larger ones
        continue;
      }
      if (!passing(error) || (created && (error.status === 409 || error.status === 503)) || (entry && !entries.includes(entry))) throw error;
      if (error.status !== 409) broken(true);
      await pause(error.status === 409 ? 50 : wait);
      if (entry && entry.address) await where(entry);
    }
  }
}

function broken(retry) {
  for (const entry of entries) {
    if (entry.retry === retry) continue;
    entry.retry = retry;
    show(entry);
  }
}

async function where(entry) {
  try {
    const answer = await ask("HEAD", entry.address, tus());
    entry.offset = Number(answer.getResponseHeader("Upload-Offset"));
  } catch (error) {
    if (!passing(error)) throw error;
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      window.removeEventListener("online", over);
      resolve();
    };
    const timer = setTimeout(over, milliseconds);
    window.addEventListener("online", over);
  });
}

const lost = (error) => error.status === 404 || error.status === 401 || error.status === 403;

function trouble(error) {
  if (error.status === 404) {
    complain(words.lost);
    sessionStorage.removeItem(MEMORY);
    tray = "";
    entries.filter((one) => !one.file).forEach(forget);
    for (const entry of entries) Object.assign(entry, { address: null, offset: 0, whole: false });
  } else {
    complain(sentence(error));
  }
}

function forget(entry) {
  entry.row.remove();
  entries = entries.filter((one) => one !== entry);
  document.getElementById("chosen").hidden = entries.length === 0;
}

async function drop(entry) {
  const next = entry.row.nextElementSibling || entry.row.previousElementSibling;
  forget(entry);
  (next ? next.querySelector("button:last-child") : document.getElementById("files")).focus();
  try {
    if (entry.address) await ask("DELETE", entry.address, tus());
    await renew();
  } catch (error) {
    if (error.status !== 404) trouble(error);
  }
}

// ---- the end

async function finish() {
  wanted = false;
  const button = document.getElementById("go");
  button.disabled = true;
  try {
    const answer = await ask("POST", `/drop/${tray}`, { "Content-Type": "application/x-www-form-urlencoded" }, fields());
    leaving = true;
    sessionStorage.removeItem(MEMORY);
    sessionStorage.removeItem(CHOICES);
    location.assign(JSON.parse(answer.responseText).next);
  } catch (error) {
    trouble(error);
  } finally {
    button.disabled = false;
  }
}

// What was written beside the files stays, too, when the page is loaded again.
function restore() {
  for (const [name, value] of new URLSearchParams(sessionStorage.getItem(CHOICES) || "")) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
}

function fields() {
  const said = new URLSearchParams();
  for (const name of ["name", "title", "engine", "publish", "review"]) {
    const field = form.elements.namedItem(name);
    if (field) said.set(name, field.value);
  }
  return said.toString();
}

form.addEventListener("change", () => sessionStorage.setItem(CHOICES, fields()));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  complain("");
  entries.filter((one) => one.fault && !one.address).forEach(forget); // they are left out, as their rows said
  if (!entries.length) {
    complain(words.choose);
    document.getElementById("files").focus();
  } else if (running || entries.some((one) => !one.whole && one.file && !one.fault)) {
    wanted = true;
    say(words.soon);
    const verdict = document.getElementById("verdict");
    verdict.hidden = false;
    verdict.className = "message wait";
    verdict.replaceChildren(words.soon);
    run();
  } else {
    finish();
  }
});

document.getElementById("cancel").addEventListener("click", async () => {
  leaving = true;
  wanted = false;
  const gone = tray;
  entries.forEach((entry) => entry.row.remove());
  entries = [];
  if (current) current.abort();
  sessionStorage.removeItem(MEMORY);
  sessionStorage.removeItem(CHOICES);
  try {
    await ask("POST", `/drop/${gone}/cancel`);
  } catch {
    // it is removed in any case, a day later
  }
  location.assign("/drop");
});

const choosers = ["files", "folder"].map((id) => document.getElementById(id));
for (const input of choosers) {
  input.addEventListener("change", () => choose(...fromInput(input)).catch(trouble));
}

let depth = 0;
function hover(on) {
  zone.classList.toggle("over", on);
  document.getElementById("call").textContent = on ? words.over : words.zone;
  if (on) say(words.over);
}
document.addEventListener("dragenter", (event) => {
  event.preventDefault();
  depth += 1;
  hover(true);
});
document.addEventListener("dragleave", () => {
  depth -= 1;
  if (depth <= 0) hover(false);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  hover(false);
  fromDrag(event.dataTransfer).then((found) => choose(...found)).catch(trouble);
});

// Otherwise what is under way would only be given up after a while.
window.addEventListener("offline", () => {
  if (current) current.abort();
});

window.addEventListener("beforeunload", (event) => {
  if (running && !leaving) event.preventDefault();
});

async function resume() {
  tray = new URLSearchParams(location.search).get("tray") || sessionStorage.getItem(MEMORY) || "";
  if (!tray) return;
  try {
    const said = await look();
    for (const one of said.files) add(one.name, null, { ...one, path: one.name });
    judge(said);
    sessionStorage.setItem(MEMORY, tray);
    restore();
    const row = document.querySelector(`[data-tray="${CSS.escape(tray)}"]`);
    if (row) row.remove();
    const box = document.getElementById("begun");
    if (box && !box.querySelector("li")) box.remove();
  } catch (error) {
    tray = "";
    if (error.status === 404) sessionStorage.removeItem(MEMORY);
  }
  entries.forEach(show);
}

form.classList.add("scripted");
document.getElementById("call").hidden = false;
document.getElementById("folder-chooser").hidden = !("webkitdirectory" in document.createElement("input"));
document.querySelectorAll(".go-on").forEach((link) => { link.hidden = false; });
resume().then(() => {
  for (const input of choosers) {
    if (input.files.length) choose(...fromInput(input)).catch(trouble); // chosen before this script was there
  }
});
