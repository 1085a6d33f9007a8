import { create, download, formatCount } from "./dom.js";
import { drawLegend } from "./evidence.js";
import { describePrediction, drawProbabilities } from "./detail.js";
import { drawDownloads } from "./csv.js";
import { drawAgreement } from "./agreement.js";
import { Corrections } from "./corrections.js";
import { decodePeaks } from "./waveform.js";
import { Player } from "./player.js";
import { Tracks } from "./tracks.js";
import { Table } from "./table.js";
import { drawSummary } from "./summary.js";
import { chooseThreshold, Filter, nameDialogue } from "./filter.js";
import { CorrectionsBar, Editor, KEYS } from "./editor.js";

// The page of predicted emotions, of the file that `mmerc predict --html` writes and of `mmerc serve`.
//
// `rows` are predictions as `Prediction.to_dict` gives them. `columns` are [{ name, path }], as `list_columns` gives them.
// `recording` is the name of the recording, empty for a corpus. `peaks` is its waveform, as `decodePeaks` takes it.

class TimelinePage {
  constructor(container, { rows, columns, formula, labels, colours, recording = "", peaks = null, series = [] }, media) {
    const pattern = new RegExp(formula);
    Object.assign(this, { container, rows, columns, series, selected: 0, peaks: decodePeaks(peaks) });
    this.model = { labels, colours, threshold: chooseThreshold(rows) };
    this.corrections = new Corrections(rows, labels, { recording, formula: pattern, onChange: (index) => this.showChange(index) });
    this.player = new Player(media, (time, isPlaying) => this.follow(time, isPlaying));
    this.table = new Table(this, (event) => this.handleKey(event));
    this.filter = new Filter(rows, this.model, {
      onFilter: () => this.refilter(), onThreshold: () => this.refreshAll(), onWide: (isWide) => this.table.showAll(isWide),
    });
    this.editor = new Editor(this);
    this.bar = new CorrectionsBar(this);
    this.heading = create("h2");
    this.place = create("div");
    this.detail = create("div", "", { class: "detail", "aria-live": "polite" });
    this.agreement = create("div");
    this.summary = create("details", "", { class: "summary" });
    this.summary.open = rows.length > 0;
    this.summary.append(create("summary", "Speakers"), create("div"));
    const keys = create("details", "", { class: "keys" }), list = create("dl", "", { id: "keys" });
    for (const [key, meaning] of KEYS) list.append(create("dt", key), create("dd", meaning));
    keys.append(create("summary", "Keys in the table"), list);
    container.replaceChildren(
      drawLegend(this.model), this.heading, this.place, this.detail, this.editor.element, this.bar.element, this.agreement,
      this.filter.element, this.table.scroll, keys, this.summary, drawDownloads(rows, columns, pattern),
    );
    this.refilter();
    this.refreshAll();
    this.select(0);
    window.onbeforeunload = (event) => { if (!this.corrections.isSaved && !this.corrections.isKept) event.preventDefault(); };
    window.addEventListener("beforeprint", () => { this.summary.open = true; });
  }

  select(index, { reveal = true } = {}) {
    this.selected = index;
    this.showTracks();
    this.tracks.select(index);
    this.showDetail();
    if (reveal) this.table.reveal(index);
    else this.table.markSelected();
  }

  // The rows of the series of the conversation that is shown.
  getSeries() { return this.series.filter((row) => nameDialogue(row) === this.shown); }

  // The timeline is that of the conversation of the selected row.
  showTracks() {
    const name = nameDialogue(this.rows[this.selected]);
    if (this.shown === name) return;
    this.shown = name;
    const indices = this.rows.map((_, index) => index).filter((index) => nameDialogue(this.rows[index]) === name);
    indices.sort((a, b) => (this.rows[a].start ?? a) - (this.rows[b].start ?? b));
    this.heading.textContent = `Conversation ${this.rows[this.selected].dialogue}`;
    this.tracks = new Tracks(this, indices);
    this.place.replaceChildren(this.tracks.element);
    this.tracks.redraw();
  }

  showDetail() {
    const row = this.corrections.get(this.selected), box = describePrediction(row, this.model);
    if (row.label !== null) box.append(create("div", `reviewed: ${row.label}`, { class: "set" }));
    this.detail.replaceChildren(box, drawProbabilities(row, this.model));
    this.editor.show();
  }

  play(index) {
    const { start, end } = this.corrections.get(index);
    this.player.play(start, end);
  }

  follow(time, isPlaying) {
    this.tracks?.movePlayhead(time, isPlaying);
    if (!isPlaying || this.player.end !== null) return;  // one utterance is played: it stays selected
    const item = this.tracks.items.find(({ start, end }) => start <= time && time < end);
    if (item && item.index !== this.selected) this.select(item.index);
  }

  showChange(index) {
    if (index === null) this.refreshAll();
    else this.table.refresh();
    this.tracks?.refresh();
    this.showDetail();
    this.showState();
  }

  refreshAll() {
    this.table.refresh();
    this.tracks?.refresh();
    if (this.tracks) this.showDetail();
    this.showState();
  }

  showState() {
    this.bar.show();
    this.agreement.replaceChildren(drawAgreement(this.corrections.listPairs(), this.rows.length));
    clearTimeout(this.summaryTimer);  // not at every key
    this.summaryTimer = setTimeout(() => {
      this.summary.lastChild.replaceChildren(drawSummary(this.rows.map((_, index) => this.corrections.get(index)), this.model));
    }, 100);
  }

  refilter() { this.table.filter(this.filter.select(this.rows.length, (index) => this.corrections.get(index))); }
  focusTable() { this.table.table.focus({ preventScroll: true }); }

  undo() { this.selectChanged(this.corrections.undo()); }
  redo() { this.selectChanged(this.corrections.redo()); }
  selectChanged(index) { if (index !== null) this.select(index); }

  save() {
    const { recording } = this.corrections, stem = recording ? recording.split(/[/\\]/).pop().replace(/\.[^.]*$/, "") : "emotions";
    download(`${stem}-corrections.csv`, this.corrections.toCsv(), "text/csv");
    this.corrections.markSaved();
  }

  async loadFile(file) {
    try {
      const before = this.corrections.done.length, problems = this.corrections.load(await file.text(), file.name);
      const step = this.corrections.done.length > before ? this.corrections.done.at(-1).length : 0;
      this.bar.messages.textContent = [`${formatCount(step, "utterance")} changed by ${file.name}.`, ...problems].join(" ");
    } catch (error) { this.bar.messages.textContent = error.message; }
  }

  findUncertain() {
    const { indices } = this.table, first = indices.indexOf(this.selected) + 1;
    const isOpen = (index) => this.corrections.getLabel(index) === null && (this.rows[index].uncertain || this.rows[index].confidence < this.model.threshold);
    return [...indices.slice(first), ...indices.slice(0, first)].find(isOpen);
  }

  handleKey(event) {
    const isCommand = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    if (event.altKey) return;
    const label = /^[1-9]$/.test(key) ? this.model.labels[Number(key) - 1] : undefined;
    const { start, end } = this.corrections.get(this.selected), { table, tracks, editor } = this;
    const go = (index) => { if (index !== undefined) this.select(index); };
    const actions = isCommand ? {
      z: () => event.shiftKey ? this.redo() : this.undo(), y: () => this.redo(), s: () => this.save(),
    } : {
      arrowdown: () => go(table.find(1)), arrowup: () => go(table.find(-1)), home: () => go(table.indices[0]), end: () => go(table.indices.at(-1)),
      pagedown: () => go(table.find(table.rowsInSight)), pageup: () => go(table.find(-table.rowsInSight)),
      enter: () => this.player.toggle(start, end), " ": () => this.player.toggle(start, end), escape: () => this.player.stop(),
      arrowleft: () => tracks.pan(-1), arrowright: () => tracks.pan(1), "+": () => tracks.zoom(1), "-": () => tracks.zoom(-1),
      c: () => editor.confirm(), delete: () => editor.set({ emotion: null }), backspace: () => editor.set({ emotion: null }),
      e: () => editor.text.focus(), s: () => editor.speaker.focus(), n: () => go(this.findUncertain()),
      i: () => this.player.media && editor.setTime("start", this.player.time), o: () => this.player.media && editor.setTime("end", this.player.time),
      ...(label && { [key]: () => editor.set({ emotion: label }) }),
    };
    if (!Object.hasOwn(actions, key)) return;
    event.preventDefault();
    actions[key]();
  }
}

export function showTimeline(container, data, media) {
  if (data.rows.length) return new TimelinePage(container, data, media);
  container.replaceChildren(create("p", "There are no utterances."));
  return null;
}
