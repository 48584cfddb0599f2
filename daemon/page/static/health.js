// Follows the doctor while it looks. Without it the page loads again by itself.
"use strict";

const EVERY = 1500;
let doctor = document.getElementById("doctor");
const said = document.getElementById("said");

async function look() {
  try {
    const answer = await fetch("/doctor", { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload(); // to the login
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("doctor");
      const focused = doctor.contains(document.activeElement);
      doctor.replaceWith(fresh);
      doctor = fresh;
      if (focused) doctor.querySelector("button").focus({ preventScroll: true });
      if (doctor.dataset.running === "no") said.textContent = doctor.querySelector(".headline").textContent;
    }
  } catch {
    // nobody answers just now
  }
  follow();
}

function follow() {
  if (doctor.dataset.running === "yes") setTimeout(look, EVERY);
}

follow();
