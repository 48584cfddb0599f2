// Puts what is added to the log on top. Without it the page shows the last lines whenever it is loaded.
"use strict";

const lines = document.getElementById("lines");
const none = document.getElementById("none");
const lost = document.getElementById("lost");
const follow = document.getElementById("follow");
const MOST = 500;
let address = new URL(lines.dataset.stream, location.href);
let source = null;
let going = true;

function row(line) {
  const template = document.querySelector(`template[data-level="${line.level === "warning" || line.level === "error" ? line.level : "info"}"]`);
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector("time").textContent = line.at;
  item.querySelector(".text").textContent = line.text;
  const job = item.querySelector(".job");
  if (line.job && lines.dataset.job === undefined) {
    job.textContent = line.job;
    job.href = `/jobs/${encodeURIComponent(line.job)}/log`;
  } else {
    job.remove();
  }
  const trace = item.querySelector(".trace");
  if (line.trace) trace.textContent = line.trace;
  else trace.remove();
  return item;
}

function add(news) {
  const fresh = document.createDocumentFragment();
  for (const line of news) fresh.prepend(row(line));
  const before = lines.offsetHeight;
  lines.prepend(fresh);
  while (lines.childElementCount > MOST) lines.lastElementChild.remove();
  none.hidden = lines.childElementCount > 0;
  // Somebody reads further down: what they read stays where it is.
  if (lines.getBoundingClientRect().top < 0) window.scrollBy(0, lines.offsetHeight - before);
}

function listen() {
  stop();
  source = new EventSource(address);
  source.onopen = () => { lost.hidden = true; };
  source.addEventListener("anew", () => lines.replaceChildren());
  source.onmessage = (event) => {
    address.searchParams.set("after", event.lastEventId);
    add(JSON.parse(event.data));
  };
  source.onerror = () => {
    lost.textContent = lost.dataset.text;
    lost.hidden = false;
    if (source && source.readyState === EventSource.CLOSED) setTimeout(again, 5000);
  };
}

function stop() {
  if (source) source.close();
  source = null;
}

function again() {
  if (going && !document.hidden) listen();
}

function label() {
  follow.setAttribute("aria-pressed", String(going));
  follow.textContent = going ? follow.dataset.live : follow.dataset.still;
}

follow.hidden = false;
follow.addEventListener("click", () => {
  going = !going;
  label();
  if (going) listen();
  else stop();
});
document.getElementById("level").addEventListener("change", (event) => event.target.form.requestSubmit());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stop();
  else again();
});
label();
again();
