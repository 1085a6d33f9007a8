import { formatCount } from "./dom.js";
import { formatLines, parseRows } from "./csv.js";

// What a person changes: the label, the speaker, the words and the boundaries of utterances. Every change can be undone. The browser
// keeps the changes until they are saved as a file.

const FIELDS = ["emotion", "speaker", "text", "start", "end"];
const COLUMNS = ["split", "dialogue", "utterance", "speaker", "text", "start", "end", "emotion",  // as the reader `table:` takes them
  "clip", "clip_start", "clip_end", "predicted", "confidence", "model"];
const REQUIRED = ["dialogue", "utterance"];
const MAX_LISTED = 3;  // problems that one sentence names

const nameSplit = (split) => ["train", "dev", "test"].includes(split) ? split : "train";  // a person's labels are for training
export const makeKey = ({ split, dialogue, utterance }) => [nameSplit(split), dialogue, utterance].join("\u0000");
const getFile = (name) => name.split(/[/\\]/).pop();

export class Corrections {
  // `recording`: the name of the recording; empty if the rows are of a corpus. `onChange(index)`: called after a change of a row,
  // or with null after a change of several.
  constructor(rows, labels, { recording = "", formula, onChange = () => {} }) {
    Object.assign(this, { rows, labels, recording, formula, onChange });
    this.changes = new Map();  // row number -> the fields that differ from the row, and `emotion` where a label is given
    this.undone = [];
    this.done = [];
    this.saved = "{}";
    this.storage = `mmerc ${recording} ${hash(JSON.stringify(rows.map((row) => [makeKey(row), row.start, row.end, row.text, row.emotion])))}`;
    this.restore();
  }

  // The row with its corrections; `emotion` stays the model's, and `label` is the person's, or null.
  get(index) {
    const row = this.rows[index], change = this.changes.get(index) || {};
    const { emotion, ...others } = change;
    return { ...row, ...others, label: emotion ?? ("emotion" in change ? null : row.corrected ?? null) };
  }

  getLabel(index) {
    return this.get(index).label;
  }

  // Changes some fields of a row. The label null takes the label away.
  set(index, fields) {
    const before = this.changes.get(index), row = this.rows[index], after = { ...before, ...fields };
    for (const name of FIELDS) if (after[name] === (name === "emotion" ? row.corrected ?? null : row[name])) delete after[name];
    if (JSON.stringify(before || {}) === JSON.stringify(after)) return false;
    this.record([[index, before, after]]);
    return true;
  }

  record(steps) {
    this.done.push(steps);
    this.undone = [];
    this.apply(steps, 2);
  }

  undo() { return this.move(this.done, this.undone, 1); }
  redo() { return this.move(this.undone, this.done, 2); }

  move(from, to, side) {
    const steps = from.pop();
    if (!steps) return null;
    to.push(steps);
    this.apply(steps, side);
    return steps[0][0];
  }

  apply(steps, side) {
    for (const step of steps) {
      if (step[side] && Object.keys(step[side]).length) this.changes.set(step[0], step[side]);
      else this.changes.delete(step[0]);
    }
    this.keep();
    this.onChange(steps.length === 1 ? steps[0][0] : null);
  }

  serialise() { return JSON.stringify(Object.fromEntries(this.changes)); }
  get isSaved() { return this.serialise() === this.saved; }

  // The browser's own storage. It may be full, or switched off.
  keep() {
    try {
      if (this.changes.size) localStorage.setItem(this.storage, JSON.stringify({ changes: this.serialise(), saved: this.saved }));
      else localStorage.removeItem(this.storage);
      this.isKept = true;
    } catch { this.isKept = false; }
  }

  restore() {
    this.isKept = true;
    try {
      const kept = JSON.parse(localStorage.getItem(this.storage) || "{}");
      for (const [index, change] of Object.entries(JSON.parse(kept.changes || "{}")))
        if (this.rows[index]) this.changes.set(Number(index), change);
      this.saved = kept.saved || "{}";
    } catch { this.isKept = false; }
  }

  // [label of the model, label of the person] of each reviewed utterance.
  listPairs() {
    return this.rows.map((row, index) => [row.emotion, this.getLabel(index)]).filter(([, label]) => label !== null);
  }

  // The file of corrections: all rows, so that a dialogue stays whole in training; only reviewed rows have an emotion.
  toCsv() {
    const clip = this.recording ? getFile(this.recording) : "";
    const lines = this.rows.map((_, index) => {
      const row = this.get(index), start = row.start ?? "", end = row.end ?? "";
      const part = clip ? [clip, start, end] : ["", "", ""];
      return [nameSplit(row.split), row.dialogue, row.utterance, row.speaker, row.text ?? "", start, end, row.label ?? "", ...part,
        row.emotion, row.confidence, row.model];
    });
    return formatLines([COLUMNS, ...lines], this.formula);
  }

  markSaved() {
    this.saved = this.serialise();
    this.keep();
    this.onChange(null);
  }

  // Applies a file of corrections on top of what is there. Returns a sentence for each thing that cannot be used. Raises Error
  // with one sentence, and changes nothing, where the file cannot be used at all.
  load(text, name) {
    const { names, rows } = parseRows(text, this.formula), missing = REQUIRED.find((column) => !names.includes(column));
    if (missing) throw new Error(`${name} has no column "${missing}": choose a file that was saved with "Save corrections".`);
    const clips = [...new Set(rows.map((row) => row.clip).filter(Boolean).map(getFile))];
    if (this.recording && clips.length && !clips.includes(getFile(this.recording)))
      throw new Error(`${name} has corrections of ${clips[0]}, and this page shows ${getFile(this.recording)}: open the page of that recording.`);
    const numbers = new Map(this.rows.map((row, index) => [makeKey(row), index]));
    const unknownRows = [], unknownLabels = [], wrongTimes = [], steps = [];
    for (const row of rows) {
      const index = numbers.get(makeKey({ ...row, split: row.split || "train" }));
      if (index === undefined) { unknownRows.push(`${row.dialogue}/${row.utterance}`); continue; }
      const label = row.emotion && this.labels.find((each) => each.toLowerCase() === row.emotion.toLowerCase());
      if (row.emotion && !label) unknownLabels.push(row.emotion);
      const before = this.changes.get(index), now = this.rows[index], after = { ...before };
      if (label) after.emotion = label;
      if ("speaker" in row) after.speaker = row.speaker;
      if ("text" in row) after.text = row.text || null;
      const [start, end] = [row.start, row.end].map((cell) => cell ? Number(cell) : NaN);
      if (start < end) Object.assign(after, { start, end });
      else if (row.start && row.end && !(start === now.start && end === now.end)) wrongTimes.push(`${row.dialogue}/${row.utterance}`);
      for (const each of FIELDS) if (after[each] === (each === "emotion" ? now.corrected ?? null : now[each])) delete after[each];
      if (JSON.stringify(before || {}) !== JSON.stringify(after)) steps.push([index, before, after]);
    }
    if (rows.length && unknownRows.length === rows.length)
      throw new Error(`${name} has no row of this page (its first is ${unknownRows[0]}): open the page of its recording.`);
    if (steps.length) this.record(steps);
    const list = (values) => [...new Set(values)].slice(0, MAX_LISTED).join(", ");
    return [
      unknownRows.length && `${formatCount(unknownRows.length, "row")} of ${name} left out, because this page does not have them: ${list(unknownRows)}.`,
      unknownLabels.length && `${formatCount(unknownLabels.length, "label")} of ${name} left out, because the model does not have them: ${list(unknownLabels)}.`,
      wrongTimes.length && `${formatCount(wrongTimes.length, "time")} of ${name} left out, because the end is not after the start: ${list(wrongTimes)}.`,
    ].filter(Boolean);
  }
}

// FNV-1a, 32 bits: tells pages apart, nothing more.
function hash(text) {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value >>> 0).toString(16);
}
