import { create, createButton, createScheduler, formatTime, nameSpeaker } from "./dom.js";
import { createBlock, fillBlock, paintBlocks } from "./blocks.js";
import { Scale } from "./scale.js";
import { drawWaveform } from "./waveform.js";
import { drawSeries } from "./series.js";

// The timeline of one conversation: an overview of all of it, and of the part that is shown the waveform, a lane of blocks for each
// speaker, and the times.

const MAX_BLOCKS = 250;  // buttons at a time; more blocks than that are painted
const AT_FIRST = 40;  // utterances that a long conversation shows at first
const ZOOM = 1.5, PAN = .25;  // of a button or key
const NEAR_END = .98;  // share of the width
const EDGE = .05;  // seconds: shortest utterance after its boundary was moved

export class Tracks {
  // `page`: { model, peaks, corrections, select(index), play(index), player }
  constructor(page, indices) {
    Object.assign(this, { page, indices, buttons: new Map(), selected: null });
    this.hasTimes = indices.every((index) => page.corrections.get(index).start !== null && page.corrections.get(index).end !== null);
    this.readItems();
    const begin = this.hasTimes ? Math.min(0, ...this.items.map((item) => item.start)) : 0;
    const first = this.hasTimes && !page.peaks && !page.player.media ? Math.min(...this.items.map((item) => item.start)) : begin;
    this.redraw = createScheduler(() => this.draw());
    this.scale = new Scale(first, Math.max(...this.items.map((item) => item.end)), this.redraw);
    if (indices.length > 1.5 * AT_FIRST) this.scale.show(first, first + this.scale.length * AT_FIRST / indices.length);
    this.element = this.build();
    new ResizeObserver(this.redraw).observe(this.overview);
  }

  readItems() {
    this.items = this.indices.map((index, number) => {
      const row = this.page.corrections.get(index);
      return { index, row, start: this.hasTimes ? row.start : number, end: this.hasTimes ? row.end : number + 1 };
    });
    const names = [...new Set(this.items.map((item) => item.row.speaker))];
    this.items.forEach((item) => { item.lane = names.indexOf(item.row.speaker); });
    this.speakers = names;
  }

  build() {
    const box = create("div", "", { class: "tracks" });
    this.overview = create("canvas", "", { class: "overview", "aria-hidden": "true" });
    this.window = create("i", "", { class: "window" });
    const strip = create("div", "", { class: "strip" });
    strip.append(this.overview, this.window);
    this.dragOverview(strip);
    this.lanes = create("div", "", { class: "lanes" });
    this.playhead = create("i", "", { class: "playhead", "aria-hidden": "true" });
    this.lanes.addEventListener("wheel", (event) => this.handleWheel(event), { passive: false });
    const scale = () => this.scale;
    this.tools = create("div", "", { class: "tools", role: "group", "aria-label": "Part of the conversation that is shown" });
    this.tools.append(
      createButton("−", () => scale().zoom(ZOOM), { "aria-label": "Show more", title: "show more (−)" }),
      createButton("+", () => scale().zoom(1 / ZOOM), { "aria-label": "Show less, in more detail", title: "show less (+)" }),
      createButton("◀", () => this.pan(-1), { "aria-label": "Earlier", title: "earlier (←)" }),
      createButton("▶", () => this.pan(1), { "aria-label": "Later", title: "later (→)" }),
      createButton("Whole conversation", () => scale().show(scale().begin, scale().end)),
    );
    box.append(this.tools, strip, this.lanes);
    this.buildLanes();
    return box;
  }

  buildLanes() {
    this.buttons.clear();
    this.marks = create("div", "", { class: "marks" });
    this.lanes.replaceChildren();
    if (this.page.peaks && this.hasTimes) {
      this.wave = create("canvas", "", { "aria-hidden": "true" });
      this.lanes.append(this.addLane(create("b", "sound"), this.wave, "wave"));
      this.wave.addEventListener("click", (event) => { if (!this.isDragging) this.page.player.seek(this.timeOf(event)); });
      this.dragPan(this.wave);
    }
    this.tracks = this.speakers.map((speaker) => {
      const track = create("div", "", { class: "track" }), canvas = create("canvas", "", { "aria-hidden": "true" });
      track.append(canvas);
      canvas.addEventListener("click", (event) => this.clickCanvas(event, speaker));
      this.lanes.append(this.addLane(create("b", nameSpeaker({ speaker }), { title: nameSpeaker({ speaker }) }), track));
      this.dragPan(track);
      return { track, canvas };
    });
    this.curves = this.hasTimes ? this.buildCurves() : [];
    if (this.hasTimes) {
      const axis = create("div", "", { class: "axis", "aria-hidden": "true" });
      axis.append(create("b"), this.marks);
      this.lanes.append(axis);
    }
    this.lanes.append(this.playhead);
    this.overview.style.height = `${Math.min(60, Math.max(16, 10 * this.speakers.length))}px`;
  }

  // A lane under the others for the series of each person, speaker or listener.
  buildCurves() {
    const rows = this.page.getSeries(), names = [...new Set(rows.map((row) => row.speaker))];
    return names.map((speaker) => {
      const canvas = create("canvas", "", { role: "img", "aria-label": `probabilities over time, ${nameSpeaker({ speaker })}` });
      this.lanes.append(this.addLane(create("b", `${nameSpeaker({ speaker })}, over time`), canvas, "wave"));
      this.dragPan(canvas);
      return { canvas, rows: rows.filter((row) => row.speaker === speaker) };
    });
  }

  addLane(title, content, kind = "") {
    const lane = create("div", "", { class: kind ? `lane ${kind}` : "lane" });
    lane.append(title, content);
    return lane;
  }

  // After a correction.
  refresh() {
    const speakers = this.speakers.join("\u0000");
    this.readItems();
    if (this.speakers.join("\u0000") !== speakers) this.buildLanes();
    for (const [index, button] of this.buttons) this.fill(button, index);
    this.redraw();
  }

  fill(button, index) {
    fillBlock(button, this.page.corrections.get(index), this.page.model);
    button.setAttribute("aria-pressed", index === this.selected);
  }

  select(index) {
    this.selected = index;
    for (const [each, button] of this.buttons) button.setAttribute("aria-pressed", each === index);
    const item = this.items.find((each) => each.index === index);
    if (item && !this.isDragging) this.scale.reveal(item.start, item.end);
    this.redraw();
  }

  draw() {
    if (!this.element.isConnected) return;
    const { scale } = this, visible = this.items.filter((item) => item.end >= scale.from && item.start <= scale.to);
    const isPainted = visible.length > MAX_BLOCKS;
    const shown = isPainted ? visible.filter((item) => item.index === this.selected) : visible;
    this.updateButtons(shown);
    this.tracks.forEach(({ canvas }, lane) => {
      canvas.hidden = !isPainted;
      if (!isPainted) return;
      const blocks = visible.filter((item) => item.lane === lane && item.index !== this.selected);
      paintBlocks(canvas, blocks.map(({ row, start, end }) => ({ row, from: scale.locate(start), to: scale.locate(end), lane: 0 })), 1, this.page.model);
    });
    if (this.wave) drawWaveform(this.wave, this.page.peaks, scale);
    for (const { canvas, rows } of this.curves) drawSeries(canvas, rows, scale, this.page.model);
    this.drawOverview();
    this.drawMarks();
    this.movePlayhead(this.page.player.time);
  }

  updateButtons(items) {
    const needed = new Set(items.map((item) => item.index));
    for (const [index, button] of this.buttons)
      if (!needed.has(index)) { button.remove(); this.buttons.delete(index); }
    for (const item of items) {
      let button = this.buttons.get(item.index);
      const { track } = this.tracks[item.lane];
      if (!button) {
        button = createBlock(item.index);
        for (const event of ["focus", "click"]) button.addEventListener(event, () => this.page.select(item.index));
        button.addEventListener("click", () => { if (!this.isDragging) this.page.play(item.index); });
        this.buttons.set(item.index, button);
        this.fill(button, item.index);
      }
      if (button.parentNode !== track) track.append(button);
      const { start, end } = this.moved?.index === item.index ? this.moved : item;
      button.style.left = `${100 * this.scale.locate(start)}%`;
      button.style.width = `${100 * (end - start) / this.scale.length}%`;
      const hasEdges = button.children.length > 1, isSelected = item.index === this.selected && this.hasTimes;
      if (isSelected && !hasEdges) for (const edge of ["start", "end"]) button.append(this.createEdge(item.index, edge));
      if (!isSelected && hasEdges) while (button.children.length > 1) button.lastChild.remove();
    }
  }

  // The edge of the selected block, which the mouse can move.
  createEdge(index, name) {
    const edge = create("i", "", { class: `edge ${name}`, title: `move the ${name}` });
    edge.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      event.preventDefault();
      edge.setPointerCapture(event.pointerId);
      this.isDragging = true;
      const { start, end } = this.page.corrections.get(index), moved = this.moved = { index, start, end };
      edge.onpointermove = (move) => {
        const time = Math.round(1000 * this.timeOf(move)) / 1000;
        moved[name] = name === "start" ? Math.min(time, moved.end - EDGE) : Math.max(time, moved.start + EDGE);
        this.redraw();
      };
      edge.onpointerup = edge.onpointercancel = () => {
        edge.onpointermove = edge.onpointerup = edge.onpointercancel = this.moved = null;
        this.page.corrections.set(index, { [name]: Math.max(0, moved[name]) });
        setTimeout(() => { this.isDragging = false; });  // the click that follows is not one on the block
      };
    });
    return edge;
  }

  drawOverview() {
    const whole = this.scale.end - this.scale.begin, place = (time) => (time - this.scale.begin) / whole;
    const key = `${this.overview.clientWidth} ${this.scale.begin} ${this.page.model.threshold}`;
    if (this.painted !== this.items || this.paintedKey !== key) {
      const blocks = this.items.map(({ row, start, end, lane }) => ({ row, lane, from: place(start), to: place(end) }));
      paintBlocks(this.overview, blocks, Math.max(1, this.speakers.length), this.page.model);
      this.painted = this.items;
      this.paintedKey = key;
    }
    this.window.style.left = `${100 * place(this.scale.from)}%`;
    this.window.style.width = `${100 * this.scale.length / whole}%`;
  }

  drawMarks() {
    this.marks.replaceChildren(...this.scale.listMarks().map((time) => {
      const mark = create("span", formatTime(time).slice(0, -2));
      mark.style.left = `${100 * this.scale.locate(time)}%`;
      if (this.scale.locate(time) > NEAR_END) mark.style.transform = "translateX(-100%)";  // else its end would be cut
      return mark;
    }));
  }

  movePlayhead(time, isPlaying = false) {
    const share = time === null || !this.hasTimes ? -1 : this.scale.locate(time);
    if (isPlaying && (share < 0 || share > 1)) this.scale.show(time - .1 * this.scale.length, time + .9 * this.scale.length);
    this.playhead.hidden = share < 0 || share > 1;
    const { track } = this.tracks[0];
    this.playhead.style.left = `${track.offsetLeft + share * track.clientWidth}px`;
  }

  pan(direction) { this.scale.pan(direction * PAN * this.scale.length); }
  zoom(direction) { this.scale.zoom(ZOOM ** -direction); }

  timeOf(event) {
    const area = this.tracks[0].track.getBoundingClientRect();
    return this.scale.timeAt((event.clientX - area.left) / area.width);
  }

  clickCanvas(event, speaker) {
    if (this.isDragging) return;
    const time = this.timeOf(event), slack = 2 * this.scale.length / this.overview.clientWidth;
    const item = this.items.find(({ row, start, end }) => row.speaker === speaker && start - slack <= time && time <= end + slack);
    if (!item) return;
    this.page.select(item.index);
    this.page.play(item.index);
  }

  handleWheel(event) {
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !isSideways) return;  // the page scrolls
    event.preventDefault();
    const amount = event.deltaX || event.deltaY;
    if (isSideways) this.scale.pan(amount / this.overview.clientWidth * this.scale.length);
    else this.scale.zoom(1.002 ** event.deltaY, this.timeOf(event));
  }

  dragPan(target) {
    target.addEventListener("pointerdown", (down) => {
      if (down.button !== 0) return;
      let last = down.clientX, isFar = false;
      const move = (event) => {
        isFar ||= Math.abs(event.clientX - down.clientX) > 4;
        if (!isFar) return;
        this.isDragging = true;
        this.scale.pan((last - event.clientX) / this.tracks[0].track.clientWidth * this.scale.length);
        last = event.clientX;
      };
      const end = () => {
        for (const type of ["pointerup", "pointercancel"]) window.removeEventListener(type, end);
        window.removeEventListener("pointermove", move);
        setTimeout(() => { this.isDragging = false; });
      };
      window.addEventListener("pointermove", move);
      for (const type of ["pointerup", "pointercancel"]) window.addEventListener(type, end);
    });
  }

  dragOverview(strip) {
    const show = (event) => {
      const area = strip.getBoundingClientRect(), whole = this.scale.end - this.scale.begin;
      const time = this.scale.begin + (event.clientX - area.left) / area.width * whole;
      this.scale.show(time - this.scale.length / 2, time + this.scale.length / 2);
    };
    strip.addEventListener("pointerdown", (event) => { strip.setPointerCapture(event.pointerId); show(event); });
    strip.addEventListener("pointermove", (event) => { if (strip.hasPointerCapture(event.pointerId)) show(event); });
  }
}
