// Keeps the first page as it is at this moment. Without it the page is the same, when it is loaded again.
"use strict";

const board = document.getElementById("board");
const lost = document.getElementById("lost");
const said = document.getElementById("said");
const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const PICTURE_EVERY = 1500;
const BOARD_EVERY = 2000;
let source = null;
let asked = false;
let renewed = 0;

function here() {
  return document.getElementById("board-now").dataset.board;
}

// Another board: something began, ended or moved. The server puts it together, in the right language.
async function renew() {
  if (asked || choosing()) return;
  asked = true;
  await new Promise((later) => setTimeout(later, Math.max(0, renewed + BOARD_EVERY - Date.now())));
  renewed = Date.now();
  try {
    const answer = await fetch("/now", { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload(); // to the login
    if (!answer.ok || choosing()) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    const focus = document.activeElement && board.contains(document.activeElement) ? where(document.activeElement) : "";
    const before = headline();
    board.replaceChildren(...fresh.childNodes);
    prepare();
    if (headline() !== before) said.textContent = headline();
    if (focus) {
      const again = board.querySelector(focus);
      if (again) again.focus({ preventScroll: true });
    }
  } catch {
    return; // no answer: the events will tell when there is one
  } finally {
    asked = false;
  }
}

function where(element) {
  const href = element.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : element.tagName === "BUTTON" ? "button" : "";
}

function progress(news) {
  const machine = document.getElementById("machine");
  if (machine && news.machine[language] !== undefined) say(machine, news.machine[language]);
  for (const card of board.querySelectorAll("[data-take]")) {
    const take = news.takes[card.dataset.take];
    if (!take) continue;
    card.querySelector("progress").value = take.share;
    say(card.querySelector(".share"), String(take.share));
    say(card.querySelector(".left"), take.left[language]);
    picture(card.querySelector("img"), take.preview);
  }
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A new picture takes the place of the old one once it is there, so that nothing flickers.
function picture(img, version) {
  if (!img || !version || img.dataset.version === version) return;
  const now = Date.now();
  if (now - Number(img.dataset.at || 0) < PICTURE_EVERY) return;
  img.dataset.at = now;
  const next = new Image();
  const address = `${img.dataset.preview}?v=${version}`;
  next.onload = () => {
    img.src = address;
    img.dataset.version = version;
  };
  next.src = address;
}

// The button is there when there is something to send.
function prepare() {
  for (const form of board.querySelectorAll("form.priority")) {
    const [select, button] = [form.querySelector("select"), form.querySelector("button")];
    const show = () => { button.hidden = select.value === select.dataset.now; };
    select.addEventListener("change", show);
    show();
  }
}

// Somebody is about to choose: what they look at must not go away.
function choosing() {
  const focus = document.activeElement;
  if (focus && focus.tagName === "SELECT") return true;
  return [...board.querySelectorAll("select")].some((select) => select.value !== select.dataset.now);
}

function headline() {
  return board.querySelector(".headline").textContent;
}

function listen() {
  if (source) source.close();
  source = new EventSource("/events");
  source.onopen = () => { lost.hidden = true; };
  source.onmessage = (event) => {
    const news = JSON.parse(event.data);
    if (news.board !== here()) renew();
    progress(news);
  };
  source.onerror = () => {
    lost.textContent = board.dataset.lost;
    lost.hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(again, 5000);
  };
}

// Refused: the page has ended, or the session has.
async function again() {
  try {
    const answer = await fetch("/now", { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload();
  } catch {
    // nobody is there yet
  }
  if (!document.hidden) listen();
}

// Nobody looks: nothing is sent, and a phone may sleep.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    if (source) source.close();
  } else {
    listen();
  }
});

prepare();
listen();
