// Live pages: one EventSource a visible tab says which topics changed; the tab then fetches those fragments anew.
(() => {
  const chip = document.getElementById("live-chip");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  document.cookie = `stateward-zone=${encodeURIComponent(zone)}; path=/console; samesite=strict; max-age=31536000`;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const topics = () => [...new Set(parts().flatMap((one) => [one.dataset.live, one.dataset.liveToo]).filter(Boolean))];
  if (!chip) return;
  const known = new Map();
  let source = null, heard = 0, polling = 0;
  const say = (state, text) => { chip.hidden = false; chip.dataset.state = state; chip.textContent = text; };
  const busyWith = (part) => part.contains(document.activeElement) && document.activeElement !== document.body
    || part.matches(":hover") && part.querySelector("tbody tr:hover") || part.querySelector("details[open] pre") && part.id === "steps"
    || (getSelection()?.toString() && part.contains(getSelection().anchorNode));

  async function refresh(part, topic) {
    if (!part.id || part.matches("figure")) return;
    if (busyWith(part)) { part.dataset.waits = topic; say("live", "changes · show"); return; }
    delete part.dataset.waits;
    part.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(location.href, { headers: { "HX-Request": "true", "HX-Target": part.id, "X-Stateward-Live": "1" } });
      if (answer.status === 401) { location.href = answer.headers.get("HX-Redirect") || location.href; return; }
      if (!answer.ok) throw new Error(answer.status);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
      if (fresh) {
        const ours = document.adoptNode(fresh);
        part.replaceWith(ours);
        window.htmx?.process(ours);
        document.dispatchEvent(new CustomEvent("stateward:changed", { detail: { topic } }));
      }
    } catch {
      part.removeAttribute("aria-busy");
      part.classList.add("stale");
      part.dataset.stale = `not refreshed since ${new Date().toLocaleTimeString()}`;
    }
  }

  // A running node's output: a stream of its own that ends with the run.
  const followed = document.querySelector("[data-follow]");
  if (followed) {
    const output = new EventSource(followed.dataset.follow);
    let first = true;
    output.addEventListener("change", () => {
      say("live", "live");
      const part = document.getElementById(followed.id);
      if (!first && part) refresh(part, "output");
      first = false;
    });
    output.addEventListener("ended", () => { output.close(); say("none", "ended"); });
    addEventListener("pagehide", () => output.close());
  }
  if (!topics().length) return;

  function changed(topic) {
    const seen = new Set();
    for (const part of parts()) {
      if (part.dataset.live !== topic && part.dataset.liveToo !== topic) continue;
      if (part.matches("figure")) { document.dispatchEvent(new CustomEvent("stateward:changed", { detail: { topic } })); continue; }
      if (!seen.has(part.id)) { seen.add(part.id); refresh(part, topic); }
    }
  }

  function open() {
    if (source || document.hidden) return;
    const query = topics().map((topic) => `topic=${encodeURIComponent(topic)}`).join("&");
    source = new EventSource(`${document.body.dataset.base}/live?${query}`);
    heard = Date.now();
    source.addEventListener("change", (event) => {
      heard = Date.now();
      if (!document.querySelector("[data-waits]")) say("live", "live");
      const { topic, revision } = JSON.parse(event.data);
      const before = known.get(topic);
      known.set(topic, revision);
      if (before !== undefined && before !== revision) changed(topic);
    });
    source.addEventListener("heartbeat", () => { heard = Date.now(); });
    source.onerror = () => { if (source?.readyState === EventSource.CLOSED) lost(); };
  }
  function close() { source?.close(); source = null; }
  function lost() {
    close();
    say("off", "live off");
    clearTimeout(polling);
    polling = setTimeout(() => { topics().forEach(changed); heard = Date.now(); open(); }, 10000);
  }
  setInterval(() => { if (source && Date.now() - heard > 30000) lost(); }, 5000);
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  const settle = () => { for (const part of document.querySelectorAll("[data-waits]")) refresh(part, part.dataset.waits); };
  chip.addEventListener("click", settle);
  document.addEventListener("focusout", () => setTimeout(settle, 200));
  open();
})();
