// The map: a canvas in place of the picture, and a table that arrows walk through. Letters come from the server.
(() => {
  const names = { S: "Success", F: "Failed", T: "TimedOut", C: "Cancelled", K: "Skipped", P: "Pending", I: "InProgress", ".": "not a target" };
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const probe = document.createElement("i");
    document.body.append(probe);
    const found = {};
    for (const [letter, name] of Object.entries(names)) {
      probe.className = letter === "." ? "None" : name;
      found[letter] = getComputedStyle(probe).color;
    }
    found.page = getComputedStyle(document.body).backgroundColor;
    probe.remove();
    return style && found;
  };

  class Picture {
    constructor(figure) {
      this.figure = figure;
      this.line = figure.querySelector("#map-line");
      this.summary = this.line.textContent;
      this.canvas = document.createElement("canvas");
      this.canvas.setAttribute("aria-hidden", "true");
      this.pane = document.createElement("div");
      this.pane.className = "pane";
      this.pane.append(this.canvas);
      this.canvas.addEventListener("pointermove", (event) => this.point(event));
      this.canvas.addEventListener("pointerleave", () => { this.line.textContent = this.summary; });
      this.canvas.addEventListener("click", (event) => this.open(event));
      for (const [label, by, name] of [["−", 0.5, "Smaller cells"], ["+", 2, "Larger cells"]]) {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
        button.setAttribute("aria-label", name);
        button.addEventListener("click", () => { this.zoom = Math.min(16, Math.max(2, this.zoom * by)); this.draw(); });
        this.line.before(button);
      }
    }

    async load() {
      const answer = await fetch(this.figure.dataset.map, { headers: { "x-stateward-live": "1" } });
      if (!answer.ok) return;
      this.data = await answer.json();
      if (!this.zoom) {
        const room = this.figure.clientWidth || 900;
        this.zoom = [16, 8, 4, 2].find((px) => px * this.data.runs.length <= room) || 2;
        this.figure.querySelector("a").replaceWith(this.pane);
      }
      this.draw();
    }

    draw() {
      const { runs, rows, cells } = this.data;
      const px = this.zoom, width = runs.length, paint = colours(), gap = px > 4 ? 1 : 0;
      this.canvas.width = width * px;
      this.canvas.height = rows.length * px;
      const pen = this.canvas.getContext("2d");
      pen.fillStyle = paint.page;
      pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
      const places = new Map();
      for (let at = 0; at < cells.length; at++) {
        const letter = cells[at].toUpperCase();
        if (letter === ".") continue;
        if (!places.has(letter)) places.set(letter, []);
        places.get(letter).push(at);
      }
      for (const [letter, all] of places) {
        pen.fillStyle = pen.strokeStyle = paint[letter];
        for (const at of all) this.cell(pen, letter, (at % width) * px, Math.floor(at / width) * px, px - gap);
      }
      if (px >= 6) this.signs(pen, places, paint, width, px);
    }

    cell(pen, letter, x, y, size) {
      if (letter === "K") pen.fillRect(x, y + size / 2, size, size / 2);
      else if (letter === "P" && size > 3) pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
      else if (letter === "I" && size > 3) {
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(x + size, y + size / 2);
        pen.lineTo(x, y + size);
        pen.fill();
      } else pen.fillRect(x, y, size, size);
    }

    signs(pen, places, paint, width, px) {
      pen.fillStyle = pen.strokeStyle = paint.page;
      pen.lineWidth = Math.max(1, px / 8);
      pen.font = `600 ${px - 5}px monospace`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      for (const letter of "FTC") {
        for (const at of places.get(letter) || []) {
          const x = (at % width) * px, y = Math.floor(at / width) * px, a = px * 0.25, b = px * 0.65;
          if (px >= 14) { pen.fillText(letter, x + px / 2, y + px / 2); continue; }
          pen.beginPath();
          if (letter === "T") { pen.moveTo(x + px / 2, y + a); pen.lineTo(x + px / 2, y + px / 2); pen.lineTo(x + b, y + px / 2); }
          else { pen.moveTo(x + a, y + b); pen.lineTo(x + b, y + a); }
          if (letter === "F") { pen.moveTo(x + a, y + a); pen.lineTo(x + b, y + b); }
          pen.stroke();
        }
      }
    }

    under(event) {
      const x = Math.floor(event.offsetX / this.zoom), y = Math.floor(event.offsetY / this.zoom);
      const run = this.data.runs[x], row = this.data.rows[y];
      return run && row ? { run, row, letter: this.data.cells[y * this.data.runs.length + x].toUpperCase() } : null;
    }

    point(event) {
      const found = this.data && this.under(event);
      if (!found) return;
      const { run, row, letter } = found;
      const who = row.count > 1 ? `${row.count} nodes, the first ${row.name || row.node}` : row.name || row.node;
      const bad = "FTC".includes(letter) && row.error ? `, ${row.error}` : "";
      this.line.textContent = `${who}, run ${run.n}, ${new Date(run.due).toISOString().slice(0, 16).replace("T", " ")} UTC, ${names[letter]}${bad}`;
      this.canvas.style.cursor = letter === "." ? "default" : "pointer";
    }

    open(event) {
      const found = this.data && this.under(event);
      if (found && found.letter !== ".")
        location.href = `${this.figure.dataset.to}${found.run.n}/nodes/${encodeURIComponent(found.row.node)}`;
    }
  }

  // One tab stop; arrows, Home, End, PageUp, PageDown, n and p for bad cells.
  class Grid {
    constructor(table) {
      this.table = table;
      table.setAttribute("role", "grid");
      this.cells = [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1, -1).map((cell) => cell.firstElementChild));
      this.links = this.cells.flat().filter((one) => one?.matches("a"));
      this.links.forEach((link) => { link.tabIndex = -1; });
      const start = this.links.find((link) => link.matches(".Failed, .TimedOut, .Cancelled")) || this.links[0];
      if (start) start.tabIndex = 0;
      table.addEventListener("keydown", (event) => this.key(event));
      table.addEventListener("focusin", (event) => this.say(event.target));
      table.addEventListener("pointerover", (event) => this.say(event.target));
    }

    say(link) {
      if (!link.matches?.("a.c") || link.title) return;
      const row = link.closest("tr"), column = link.parentElement.cellIndex;
      const head = this.table.tHead.rows[0].cells[column].firstElementChild;
      const word = [...link.classList].find((name) => name !== "c" && name !== "part");
      link.title = `${row.cells[0].textContent.trim()}, ${head.title}, ${word}`;
      link.setAttribute("aria-label", link.title);
    }

    key(event) {
      const link = event.target.closest("a.c");
      if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
      const y = this.cells.findIndex((row) => row.includes(link)), x = this.cells[y].indexOf(link);
      const at = this.links.indexOf(link), bad = (one) => one.matches(".Failed, .TimedOut, .Cancelled");
      const moves = {
        ArrowLeft: () => this.along(y, x, -1), ArrowRight: () => this.along(y, x, 1),
        ArrowUp: () => this.down(y, x, -1), ArrowDown: () => this.down(y, x, 1),
        PageUp: () => this.down(y, x, -10), PageDown: () => this.down(y, x, 10),
        Home: () => this.cells[y].find((one) => one?.matches("a")), End: () => this.cells[y].findLast((one) => one?.matches("a")),
        n: () => this.links.slice(at + 1).find(bad), p: () => this.links.slice(0, at).findLast(bad),
        Escape: () => { document.querySelector(".tabs a[aria-current]")?.focus(); return null; },
      };
      if (!moves[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      const next = moves[event.key]();
      if (!next) return;
      link.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }

    along(y, x, by) {
      for (let at = x + by; at >= 0 && at < this.cells[y].length; at += by) if (this.cells[y][at]?.matches("a")) return this.cells[y][at];
      return null;
    }

    down(y, x, by) {
      const step = Math.sign(by);
      for (let at = Math.max(0, Math.min(this.cells.length - 1, y + by)); at !== y && at >= 0 && at < this.cells.length; at += step)
        if (this.cells[at][x]?.matches("a")) return this.cells[at][x];
      return null;
    }
  }

  const begin = () => {
    for (const table of document.querySelectorAll("table.heat:not([role])")) new Grid(table);
    for (const figure of document.querySelectorAll("figure[data-map]:not([data-drawn])")) {
      figure.dataset.drawn = "1";
      figure.picture = new Picture(figure);
      figure.picture.load();
    }
  };
  document.addEventListener("stateward:changed", (event) => {
    for (const figure of document.querySelectorAll("figure[data-map]")) if (figure.dataset.live === event.detail.topic) figure.picture?.load();
    begin();
  });
  document.addEventListener("htmx:afterSwap", begin);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const figure of document.querySelectorAll("figure[data-map]")) if (figure.picture?.data) figure.picture.draw();
  });
  begin();
})();
