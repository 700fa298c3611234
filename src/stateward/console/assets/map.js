// The map: a canvas in place of the picture, and keys that walk through both views. Letters come from the server.
(() => {
  const WORDS = { S: "Success", F: "Failed", T: "TimedOut", C: "Cancelled", K: "Skipped", P: "Pending", I: "InProgress", ".": "not a target" };
  const BAD = "FTC", ZOOMS = [2, 4, 8, 16], PAGE = 10, LABELS = 132, HEAD = 22, TALL = 500, DRAG = 8, SOON = 1000;

  // Where a key leads from a cell; null where it leads nowhere.
  function walk(key, x, y, width, height, isBad, last = width - 1) {
    const near = (cx, cy) => ({ x: Math.max(0, Math.min(width - 1, cx)), y: Math.max(0, Math.min(height - 1, cy)) });
    const moves = {
      ArrowLeft: () => near(x - 1, y), ArrowRight: () => near(x + 1, y), ArrowUp: () => near(x, y - 1), ArrowDown: () => near(x, y + 1),
      Home: () => near(0, y), End: () => near(last, y), PageUp: () => near(x, y - PAGE), PageDown: () => near(x, y + PAGE),
      n: () => bad(1), p: () => bad(-1),
    };
    const bad = (by) => {
      for (let at = y * width + x + by; at >= 0 && at < width * height; at += by)
        if (isBad(at % width, Math.floor(at / width))) return { x: at % width, y: Math.floor(at / width) };
      return null;
    };
    return moves[key] ? moves[key]() : null;
  }
  const isMove = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && /^(Arrow(Left|Right|Up|Down)|Home|End|Page(Up|Down)|[np])$/.test(event.key);

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  class Picture {
    constructor(figure) {
      this.figure = figure;
      this.line = figure.querySelector(".line");
      this.summary = this.line.textContent;
      this.at = { x: 0, y: 0 };
      const zone = figure.dataset.zone === "reader" ? undefined : figure.dataset.zone;
      this.instant = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: zone, timeZoneName: "short" });
      this.day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: zone });
      this.month = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: zone });
    }

    async load() {
      const answer = await fetch(this.figure.dataset.map, { headers: { "x-stateward-live": "1" } });
      if (!answer.ok) return;
      const first = !this.runs;
      this.take(await answer.json());
      if (first) { this.most = Number(this.figure.dataset.runs); this.build(); }
      this.tile = null;
      this.draw();
    }

    take({ runs, rows, cells }) {
      Object.assign(this, { runs, rows, cells, width: runs.length, height: rows.length });
      const label = (format) => runs.map((run) => format.format(run.due));
      const days = label(this.day);
      this.spans = new Set(days).size * 4 <= runs.length ? days : label(this.month);
    }

    // The newest runs again: rows keep their place, and a new run moves the picture by one.
    async follow() {
      const address = new URL(this.figure.dataset.map, location.href);
      address.searchParams.set("runs", 1);
      address.searchParams.set("fold", 0);
      for (const name of ["only", "open"]) address.searchParams.delete(name);
      const answer = await fetch(address, { headers: { "x-stateward-live": "1" } });
      if (!answer.ok || !this.pane) return;
      const news = await answer.json();
      const lines = this.rows.map((row, y) => this.cells.slice(y * this.width, (y + 1) * this.width));
      const told = new Map(news.rows.map((row, y) => [row.node, news.cells.slice(y * news.runs.length, (y + 1) * news.runs.length)]));
      for (const [x, run] of news.runs.entries()) {
        let at = this.runs.findIndex((one) => one.n === run.n);
        if (at < 0 && run.n < this.runs.at(-1).n) continue;
        if (at < 0) {
          this.runs.push(run);
          lines.forEach((line, y) => { lines[y] = `${line}.`; });
          if (this.runs.length > this.most) { this.runs.shift(); lines.forEach((line, y) => { lines[y] = line.slice(1); }); }
          at = this.runs.length - 1;
        }
        this.runs[at] = run;
        this.rows.forEach((row, y) => { if (told.has(row.node)) lines[y] = lines[y].slice(0, at) + told.get(row.node)[x] + lines[y].slice(at + 1); });
      }
      this.take({ runs: this.runs, rows: this.rows, cells: lines.join("") });
      this.at.x = Math.min(this.at.x, this.width - 1);
      this.pane.setAttribute("aria-colcount", this.width);
      this.tile = null;
      this.draw();
    }

    letter(x, y) { return this.cells[y * this.width + x].toUpperCase(); }
    isBad = (x, y) => BAD.includes(this.letter(x, y));
    name(row) { return row.count > 1 ? `▸ ${row.count} nodes` : row.name || row.node; }

    build() {
      this.canvas = element("canvas", { "aria-hidden": "true" });
      this.extent = element("div", {}, this.canvas);
      this.spoken = ["a", "b"].map((which) => element("span", { role: "gridcell", id: `map-cell-${which}` }));
      this.pane = element("div", { class: "pane", role: "grid", tabindex: "0", "aria-label": `${this.summary}. Arrows move, n and p go to bad cells, Enter opens.`, "aria-rowcount": this.height, "aria-colcount": this.width },
        this.extent, ...this.spoken.map((cell) => element("div", { role: "row", class: "unseen" }, cell)));
      const start = this.find();
      this.at = start || { x: this.width - 1, y: 0 };
      this.figure.querySelector("a").replaceWith(this.pane);
      const wide = this.figure.clientWidth - LABELS - 20, fits = (px) => px * this.width <= wide;
      this.zoom = [16, 8].find((px) => fits(px) && px * this.height <= TALL) || [4, 2].find(fits) || ZOOMS[0];
      for (const [sign, by, label] of [["−", -1, "Smaller cells"], ["+", 1, "Larger cells"]]) {
        const button = element("button", { type: "button", "aria-label": label }, sign);
        button.addEventListener("click", () => this.scale(by));
        this.line.parentElement.append(button);
      }
      this.pane.addEventListener("scroll", () => this.later());
      this.pane.addEventListener("keydown", (event) => this.key(event));
      this.pane.addEventListener("focus", () => { this.say(); this.later(); });
      this.pane.addEventListener("blur", () => { this.hover = null; this.tell(null); this.later(); });
      this.canvas.addEventListener("pointermove", (event) => this.move(event));
      this.canvas.addEventListener("pointerdown", (event) => { if (event.button === 0) this.down = { ...this.under(event), px: event.offsetX, mouse: event.pointerType === "mouse" }; });
      this.canvas.addEventListener("pointerup", (event) => this.up(event));
      this.canvas.addEventListener("pointerleave", () => { this.hover = this.down = null; this.tell(null); this.later(); });
      new ResizeObserver(() => this.later()).observe(this.pane);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.tile = null; this.later(); });
    }

    find() {
      for (let y = 0; y < this.height; y++) if (this.isBad(this.width - 1, y)) return { x: this.width - 1, y };
      return null;
    }

    scale(by) {
      const next = ZOOMS[ZOOMS.indexOf(this.zoom) + by];
      if (!next) return;
      this.zoom = next;
      this.draw();
      this.show();
    }

    // Colours come from the style sheet, so that they cannot differ from the table's.
    paint() {
      const probe = element("i");
      this.figure.append(probe);
      const read = (name) => { probe.className = name; return getComputedStyle(probe).color; };
      const found = Object.fromEntries(Object.entries(WORDS).map(([letter, name]) => [letter, read(letter === "." ? "None" : name)]));
      found.text = getComputedStyle(document.body).color;
      found.quiet = read("quiet");
      found.page = getComputedStyle(document.body).backgroundColor;
      found.line = getComputedStyle(this.pane).borderTopColor;
      found.link = getComputedStyle(document.querySelector(".side a[aria-current], main a") || probe).getPropertyValue("--link") || found.text;
      probe.remove();
      return found;
    }

    later() {
      if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
    }

    draw() {
      if (!this.pane) return;
      const begun = performance.now(), px = this.zoom, sharp = devicePixelRatio || 1;
      this.extent.style.width = `${LABELS + this.width * px + 1}px`;
      this.extent.style.height = `${HEAD + this.height * px + 1}px`;
      const wide = Math.min(this.pane.clientWidth, LABELS + this.width * px + 1), high = Math.min(this.pane.clientHeight, HEAD + this.height * px + 1);
      if (!wide || !high) return;
      Object.assign(this.canvas, { width: Math.round(wide * sharp), height: Math.round(high * sharp) });
      Object.assign(this.canvas.style, { width: `${wide}px`, height: `${high}px` });
      const pen = this.canvas.getContext("2d"), paint = this.paint();
      pen.scale(sharp, sharp);
      pen.fillStyle = paint.page;
      pen.fillRect(0, 0, wide, high);
      const left = LABELS - this.pane.scrollLeft, top = HEAD - this.pane.scrollTop;
      const seen = {
        x0: Math.max(0, Math.floor(this.pane.scrollLeft / px)), x1: Math.min(this.width, Math.ceil((wide - left) / px)),
        y0: Math.max(0, Math.floor(this.pane.scrollTop / px)), y1: Math.min(this.height, Math.ceil((high - top) / px)),
      };
      pen.save();
      pen.beginPath();
      pen.rect(LABELS, HEAD, wide, high);
      pen.clip();
      if (px < 8) this.pixels(pen, paint, left, top, px);
      else this.forms(pen, paint, left, top, px, seen);
      if (px > 2) this.hairlines(pen, paint, left, px, seen, high);
      this.marks(pen, paint, left, top, px);
      pen.restore();
      this.heads(pen, paint, left, px, seen, wide);
      this.labels(pen, paint, top, px, seen, high);
      this.figure.dataset.drawn = (performance.now() - begun).toFixed(1);
    }

    pixels(pen, paint, left, top, px) {
      if (!this.tile) this.tile = this.tiled(paint);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(this.tile, left, top, this.width * px, this.height * px);
    }

    tiled(paint) {
      const tile = Object.assign(document.createElement("canvas"), { width: this.width, height: this.height });
      const pen = tile.getContext("2d"), image = pen.createImageData(this.width, this.height);
      const words = new Uint32Array(image.data.buffer), of = new Uint32Array(128);
      for (const letter of Object.keys(WORDS)) {
        const [r, g, b] = (letter === "." ? paint.page : paint[letter]).match(/\d+/g).map(Number);
        of[letter.charCodeAt(0)] = of[letter.toLowerCase().charCodeAt(0)] = (255 << 24) | (b << 16) | (g << 8) | r;
      }
      for (let at = 0; at < words.length; at++) words[at] = of[this.cells.charCodeAt(at)];
      pen.putImageData(image, 0, 0);
      return tile;
    }

    forms(pen, paint, left, top, px, { x0, x1, y0, y1 }) {
      const size = px - 1, round = px / 8;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      for (let y = y0; y < y1; y++) {
        for (let x = x0; x < x1; x++) {
          const own = this.cells[y * this.width + x], letter = own.toUpperCase();
          this.form(pen, paint, letter, left + x * px + 0.5, top + y * px + 0.5, size, round);
          if (own !== letter) {
            pen.fillStyle = paint.page;
            pen.beginPath();
            pen.moveTo(left + x * px, top + y * px);
            pen.lineTo(left + x * px + px * 0.4, top + y * px);
            pen.lineTo(left + x * px, top + y * px + px * 0.4);
            pen.fill();
          }
        }
      }
    }

    form(pen, paint, letter, x, y, size, round) {
      pen.fillStyle = pen.strokeStyle = paint[letter];
      pen.lineWidth = Math.max(1, size / 9);
      const middle = { x: x + size / 2, y: y + size / 2 }, letters = size >= 14;
      pen.beginPath();
      if (letter === ".") pen.arc(middle.x, middle.y, Math.max(0.8, size / 12), 0, 7);
      else if (letter === "K") pen.rect(x, middle.y, size, size / 2);
      else if (letter === "P") { pen.rect(x + 0.5, y + 0.5, size - 1, size - 1); pen.stroke(); return letters && this.sign(pen, paint.P, "P", middle, size); }
      else if (letter === "I" && !letters) { pen.moveTo(x, y); pen.lineTo(x + size, middle.y); pen.lineTo(x, y + size); }
      else pen.roundRect(x, y, size, size, round);
      pen.fill();
      if (letter === "." || (!letters && "SI".includes(letter))) return null;
      if (letters) return this.sign(pen, letter === "K" ? paint.text : paint.page, letter, middle, size);
      if (letter === "K") return null;
      const a = size * 0.27, b = size * 0.73;
      pen.strokeStyle = paint.page;
      pen.beginPath();
      if (letter === "T") { pen.moveTo(middle.x, y + a); pen.lineTo(middle.x, middle.y); pen.lineTo(x + b, middle.y); }
      else { pen.moveTo(x + a, y + b); pen.lineTo(x + b, y + a); }
      if (letter === "F") { pen.moveTo(x + a, y + a); pen.lineTo(x + b, y + b); }
      pen.stroke();
      return null;
    }

    sign(pen, colour, letter, middle, size) {
      pen.fillStyle = colour;
      pen.font = `${letter === "S" ? 400 : 600} ${Math.round(size * 0.62)}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace`;
      pen.fillText(letter, middle.x, middle.y + 0.5);
    }

    hairlines(pen, paint, left, px, { x0, x1 }, high) {
      pen.fillStyle = paint.quiet;
      pen.globalAlpha = 0.35;
      for (let x = Math.max(1, x0); x < x1; x++) if (this.spans[x] !== this.spans[x - 1]) pen.fillRect(left + x * px - 0.5, 0, 1, high);
      pen.globalAlpha = 1;
    }

    // The runs that are being chosen, and the cell under pointer or focus.
    marks(pen, paint, left, top, px) {
      if (this.drag) {
        const [a, b] = [this.drag.from, this.drag.to].sort((one, other) => one - other);
        pen.fillStyle = paint.link;
        pen.globalAlpha = 0.25;
        pen.fillRect(left + a * px, 0, (b - a + 1) * px, this.canvas.height);
        pen.globalAlpha = 1;
      }
      const mark = this.hover || (document.activeElement === this.pane ? this.at : null);
      if (!mark) return;
      const wide = Math.max(px, 6);
      pen.strokeStyle = paint.page;
      pen.lineWidth = 4;
      pen.strokeRect(left + mark.x * px - (wide - px) / 2, top + mark.y * px - (wide - px) / 2, wide, wide);
      pen.strokeStyle = paint.link;
      pen.lineWidth = 2;
      pen.strokeRect(left + mark.x * px - (wide - px) / 2, top + mark.y * px - (wide - px) / 2, wide, wide);
    }

    heads(pen, paint, left, px, { x0, x1 }, wide) {
      pen.fillStyle = paint.page;
      pen.fillRect(0, 0, wide, HEAD);
      pen.save();
      pen.beginPath();
      pen.rect(LABELS, 0, wide, HEAD);
      pen.clip();
      pen.font = "11px system-ui, sans-serif";
      pen.textAlign = "left";
      pen.textBaseline = "middle";
      let free = LABELS;
      for (let x = x0; x < x1; x++) {
        if (x > x0 && this.spans[x] === this.spans[x - 1]) continue;
        const start = Math.max(LABELS, left + x * px) + 2, long = pen.measureText(this.spans[x]).width;
        if (start < free) continue;
        pen.fillStyle = paint.quiet;
        pen.fillText(this.spans[x], start, HEAD / 2 - 2);
        free = start + long + 8;
      }
      for (let x = x0; x < x1; x++) {
        pen.fillStyle = paint[Object.keys(WORDS).find((letter) => WORDS[letter] === this.runs[x].status) || "."];
        pen.fillRect(left + x * px, HEAD - 5, Math.max(1, px - (px > 4 ? 1 : 0)), 3);
      }
      pen.restore();
    }

    labels(pen, paint, top, px, { y0, y1 }, high) {
      pen.fillStyle = paint.page;
      pen.fillRect(0, HEAD, LABELS, high);
      pen.save();
      pen.beginPath();
      pen.rect(6, HEAD, LABELS - 12, high);
      pen.clip();
      pen.textAlign = "left";
      pen.textBaseline = "middle";
      const every = Math.max(1, Math.ceil(14 / px)), focus = this.hover || (document.activeElement === this.pane ? this.at : null);
      pen.font = `${px >= 14 ? 12 : 11}px system-ui, sans-serif`;
      for (let y = Math.ceil(y0 / every) * every; y < y1; y += every) {
        if (focus && Math.abs(focus.y - y) * px < 14) continue;
        pen.fillStyle = paint.quiet;
        pen.fillText(this.name(this.rows[y]), 8, top + y * px + Math.max(px, 14) / 2);
      }
      if (focus && this.rows[focus.y]) {
        pen.fillStyle = paint.text;
        pen.font = pen.font.replace(/^/, "600 ");
        pen.fillText(this.name(this.rows[focus.y]), 8, Math.max(HEAD + 8, top + focus.y * px + Math.max(px, 14) / 2));
      }
      pen.restore();
    }

    under(event) {
      const x = Math.floor((event.offsetX - LABELS + this.pane.scrollLeft) / this.zoom), y = Math.floor((event.offsetY - HEAD + this.pane.scrollTop) / this.zoom);
      const inside = event.offsetX >= LABELS && event.offsetY >= HEAD && x < this.width && y < this.height;
      return inside ? { x, y } : null;
    }

    words({ x, y }) {
      const run = this.runs[x], row = this.rows[y], letter = this.letter(x, y), later = this.cells[y * this.width + x] !== letter;
      const who = row.count > 1 ? `${row.count} nodes, the first ${row.name || row.node}` : row.name || row.node;
      const said = [who, `run ${run.n}`, this.instant.format(run.due), WORDS[letter]];
      if (later && run.folded.length) said.push(`after #${run.folded.join(", #")} on some nodes`);
      if (BAD.includes(letter) && row.error && row.since !== null && run.n >= row.since) said.push(row.error);
      return said.join(", ");
    }

    tell(at) { this.line.textContent = at ? this.words(at) : this.summary; }

    say() {
      const [now, before] = this.spoken;
      this.spoken = [before, now];
      now.textContent = this.words(this.at);
      now.setAttribute("aria-colindex", this.at.x + 1);
      now.parentElement.setAttribute("aria-rowindex", this.at.y + 1);
      this.pane.setAttribute("aria-activedescendant", now.id);
      this.tell(this.at);
    }

    // Scrolls the cell into sight.
    show() {
      const px = this.zoom, { pane } = this, x = this.at.x * px, y = this.at.y * px;
      const wide = pane.clientWidth - LABELS - px * 2, high = pane.clientHeight - HEAD - px * 2;
      if (x < pane.scrollLeft + px) pane.scrollLeft = x - px;
      else if (x > pane.scrollLeft + wide) pane.scrollLeft = x - wide;
      if (y < pane.scrollTop + px) pane.scrollTop = y - px;
      else if (y > pane.scrollTop + high) pane.scrollTop = y - high;
    }

    key(event) {
      if (event.key === "Enter") this.open(this.at);
      else if (event.key === "Escape") document.querySelector("#cells [tabindex='0']")?.focus();
      else if (event.key === "+" || event.key === "-") this.scale(event.key === "+" ? 1 : -1);
      else if (isMove(event)) {
        const next = walk(event.key, this.at.x, this.at.y, this.width, this.height, this.isBad);
        if (next) { this.at = next; this.hover = null; this.show(); this.say(); this.later(); }
      } else return;
      event.preventDefault();
    }

    move(event) {
      const at = this.under(event);
      this.hover = at;
      if (this.down?.mouse && at && Number.isInteger(this.down.x) && Math.abs(event.offsetX - this.down.px) > DRAG) this.drag = { from: this.down.x, to: at.x };
      this.canvas.style.cursor = this.drag ? "col-resize" : at && this.letter(at.x, at.y) !== "." ? "pointer" : "default";
      if (this.drag) this.line.textContent = `Show only ${Math.abs(this.drag.to - this.drag.from) + 1} runs, #${this.runs[Math.min(this.drag.from, this.drag.to)].n} to #${this.runs[Math.max(this.drag.from, this.drag.to)].n}`;
      else this.tell(at);
      this.later();
    }

    up(event) {
      const { drag, down } = this, at = this.under(event);
      this.drag = this.down = null;
      if (drag && drag.from !== drag.to) this.choose(Math.min(drag.from, drag.to), Math.max(drag.from, drag.to));
      else if (at && down && at.x === down.x && at.y === down.y) this.open(at);
    }

    choose(first, last) {
      const query = new URLSearchParams(location.search);
      query.set("runs", last - first + 1);
      query.delete("row");
      if (last + 1 < this.width) query.set("before", this.runs[last + 1].n);
      location.search = query;
    }

    open({ x, y }) {
      const letter = this.letter(x, y), run = this.runs[x], row = this.rows[y];
      if (letter === ".") return;
      const later = this.cells[y * this.width + x] !== letter && run.folded.length;
      location.href = `${this.figure.dataset.place}?cell=${run.n}${later ? `-${Math.max(...run.folded)}` : ""}.${encodeURIComponent(row.node)}`;
    }
  }

  // The table: one tab stop, and arrows from cell to cell.
  class Cells {
    constructor(table) {
      this.table = table;
      table.setAttribute("role", "grid");
      this.rows = [...table.rows].slice(1).map((row) => [...row.cells].map((cell) => cell.querySelector("a") || cell));
      for (const cell of this.rows.flat()) cell.tabIndex = -1;
      const start = table.querySelector("tbody td > :is(.Failed, .TimedOut, .Cancelled)") || table.querySelector("tbody td > a") || this.rows[0][0];
      start.tabIndex = 0;
      this.stop = start;
      table.addEventListener("keydown", (event) => this.key(event));
      for (const kind of ["focusout", "pointerleave"]) table.addEventListener(kind, () => setTimeout(() => { if (this.waits) this.follow(); }, SOON));
      for (const kind of ["focusin", "pointerover"]) table.addEventListener(kind, (event) => this.say(event.target.closest("tbody td:not(.now, .why) > a")));
    }

    isBad = (x, y) => y > 0 && /Failed|TimedOut|Cancelled/.test(this.rows[y][x].className) && this.rows[y][x].matches("td > a");

    key(event) {
      if (event.key === "Escape") { document.querySelector(".tabs a[aria-current]")?.focus(); return; }
      if (!isMove(event)) return;
      const from = event.target.closest("a, td, th"), y = this.rows.findIndex((row) => row.includes(from)), x = y < 0 ? -1 : this.rows[y].indexOf(from);
      if (y < 0) return;
      event.preventDefault();
      const next = walk(event.key, x, y, this.rows[0].length, this.rows.length, this.isBad, this.rows[0].length - 2);
      if (next) this.go(this.rows[next.y][next.x]);
    }

    go(cell) {
      this.stop.tabIndex = -1;
      cell.tabIndex = 0;
      this.stop = cell;
      cell.focus();
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }

    // The table as it is now, unless somebody is at it, or its rows would change places.
    async follow() {
      if (this.table.matches(":hover, :focus-within")) { this.waits = true; return; }
      this.waits = false;
      const answer = await fetch(location.href, { headers: { "hx-request": "true", "hx-target": "map", "x-stateward-live": "1" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("cells");
      const names = (table) => [...table.querySelectorAll("th[scope=row]")].map((cell) => cell.textContent).join();
      if (!fresh || this.table.matches(":hover, :focus-within")) return;
      if (names(fresh) !== names(this.table)) { document.getElementById("map-changed").hidden = false; return; }
      const ours = document.adoptNode(fresh);
      this.table.replaceWith(ours);
      ours.grid = new Cells(ours);
    }

    // "web-017, #412, 2027-11-24 03:00 UTC, due, version 5, Failed": only for the cell that somebody looks at.
    say(link) {
      if (!link || link.title) return;
      const row = link.closest("tr"), head = this.table.rows[1].cells[link.parentElement.cellIndex].querySelector("a");
      link.title = [row.cells[0].textContent.replace("▸", "").trim(), head.title, link.textContent, ...(link.matches(".part") ? ["after a later run on some nodes"] : [])].join(", ");
      link.setAttribute("aria-label", link.title);
    }
  }

  const begin = () => {
    for (const table of document.querySelectorAll("table.heat:not([role])")) table.grid = new Cells(table);
    for (const figure of document.querySelectorAll("figure.map")) {
      if (figure.picture) continue;
      figure.picture = new Picture(figure);
      figure.picture.load();
    }
  };
  // At most one look a second, however often something changes.
  let soon = 0;
  document.addEventListener("stateward:changed", (event) => {
    const figure = document.querySelector("#map figure");
    if (soon || figure?.dataset.live !== event.detail.topic || new URLSearchParams(location.search).has("before")) return;
    soon = setTimeout(() => {
      soon = 0;
      document.querySelector("figure.map")?.picture?.follow();
      document.getElementById("cells")?.grid?.follow();
    }, SOON);
  });
  begin();
})();
