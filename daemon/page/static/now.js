// Keeps the first page as it is at this moment. Without it the page is the same, when it is loaded again.
"use strict";

const board = document.getElementById("board");
const lost = document.getElementById("lost");
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
  const chosen = document.activeElement;
  if (asked || (chosen && chosen.tagName === "SELECT")) return;
  asked = true;
  await new Promise((later) => setTimeout(later, Math.max(0, renewed + BOARD_EVERY - Date.now())));
  renewed = Date.now();
  try {
    const answer = await fetch("/now", { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    const focus = document.activeElement && board.contains(document.activeElement) ? where(document.activeElement) : "";
    board.replaceChildren(...fresh.childNodes);
    prepare();
    if (focus) {
      const again = board.querySelector(focus);
      if (again) again.focus({ preventScroll: true });
    }
  } catch {
    if (!source || source.readyState === EventSource.CLOSED) location.reload();
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

// A choice is sent at once; the button beside it is for those without script.
function prepare() {
  for (const form of board.querySelectorAll("form.priority")) {
    form.classList.add("auto");
    form.querySelector("select").addEventListener("change", () => form.requestSubmit());
  }
}

function listen() {
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
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  };
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
