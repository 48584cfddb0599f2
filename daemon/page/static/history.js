// The page of a job: original and result play together, and papers can be copied. Without this, all of it still works.
"use strict";

const AHEAD = 0.12; // seconds that the two may be apart

function together(take) {
  const result = take.querySelector("video.result");
  const original = take.querySelector("video.original");
  const bar = take.querySelector(".together");
  if (!result || !original || !bar) return;
  const both = bar.querySelector(".both");
  const sound = bar.querySelector(".sound");
  let joined = false;

  function follow() {
    if (!joined) return;
    const there = Number.isFinite(original.duration) ? Math.min(result.currentTime, original.duration) : result.currentTime;
    if (Math.abs(original.currentTime - there) > AHEAD) original.currentTime = there;
    original.playbackRate = result.playbackRate;
  }
  function show() {
    const playing = joined && !result.paused;
    both.textContent = playing ? both.dataset.pause : both.dataset.play;
  }
  both.addEventListener("click", () => {
    if (joined && !result.paused) {
      result.pause();
      return;
    }
    joined = true;
    follow();
    Promise.allSettled([result.play(), original.play()]).then(show);
  });
  sound.addEventListener("click", () => {
    const on = original.muted;
    original.muted = !on;
    result.muted = on;
    sound.setAttribute("aria-pressed", String(on));
  });
  for (const event of ["timeupdate", "seeked", "ratechange"]) result.addEventListener(event, follow);
  result.addEventListener("play", () => {
    if (joined) original.play().catch(() => {});
    show();
  });
  result.addEventListener("pause", () => {
    if (joined) original.pause();
    show();
  });
  bar.hidden = false;
}

function copying(paper) {
  const button = paper.querySelector("button.copy");
  const text = paper.querySelector("textarea");
  const said = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.value);
    } catch {
      text.select(); // without TLS browsers have no clipboard, but still the old way
      document.execCommand("copy");
    }
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = said; }, 2000);
  });
  button.hidden = false;
}

// of hundreds of videos only those that are looked at fetch their picture
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    target.poster = target.dataset.poster;
    near.unobserve(target);
  }
}, { rootMargin: "100%" });

document.querySelectorAll("video[data-poster]").forEach((video) => near.observe(video));
document.querySelectorAll(".take").forEach(together);
document.querySelectorAll(".paper").forEach(copying);
