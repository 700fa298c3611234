// Keys of console pages: off inside fields, and off where Settings say so.
(() => {
  const on = document.documentElement.dataset.keys === "on";
  const base = document.body.dataset.base;
  const places = { o: "/", a: "/associations", n: "/nodes", c: "/commands", d: "/documents", e: "/events" };
  let waiting = 0;
  document.documentElement.classList.add("js");

  const rows = () => [...document.querySelectorAll("main tbody a[href]")].filter((a, i, all) =>
    a.offsetParent && all.findIndex((b) => b.closest("tr") === a.closest("tr")) === i);
  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((a) => a.closest("tr").contains(document.activeElement));
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))].focus();
  };
  const follow = (selector) => document.querySelector(selector)?.click();
  const keys = {
    "?": () => document.getElementById("help").showModal(),
    "/": () => document.getElementById("search")?.focus(),
    g: () => { waiting = Date.now(); },
    j: () => step(1),
    k: () => step(-1),
    u: () => { const up = [...document.querySelectorAll(".crumbs a")].pop(); if (up) up.click(); else location.href = `${base}/`; },
    "[": () => follow("a[rel=prev]"),
    "]": () => follow("a[rel=next]"),
    ".": () => document.querySelector(".head .actions :is(a, button)")?.focus(),
    t: () => {
      const exact = document.documentElement.classList.toggle("exact-times");
      document.cookie = `stateward-times=${exact ? "exact" : "ago"}; path=/console; samesite=strict; max-age=31536000`;
    },
  };
  document.addEventListener("keydown", (event) => {
    if (!on || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog[open], [contenteditable], [role=grid]")) return;
    if (waiting && Date.now() - waiting < 3000 && places[event.key]) {
      waiting = 0;
      event.preventDefault();
      location.href = base + places[event.key];
      return;
    }
    waiting = 0;
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
})();
