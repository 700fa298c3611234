// Live pages: one EventSource a visible tab says which topics changed; the tab then fetches those fragments.
(() => {
  const chip = document.getElementById("live-chip");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  document.cookie = `stateward-zone=${encodeURIComponent(zone)}; path=/console; samesite=strict; max-age=31536000`;
})();
