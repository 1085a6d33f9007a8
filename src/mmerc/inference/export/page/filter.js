import { addLabel, create, createSelect, formatCount, nameSpeaker } from "./dom.js";
import { rateEvidence } from "./evidence.js";

// The bar above the table: search, filters, and the probability below which a prediction counts as uncertain.

const DEFAULT_THRESHOLD = .5;  // where the model has no prediction sets
const STATES = {
  "": ["all", () => true],
  uncertain: ["uncertain", (row, model) => rateEvidence(row, model) === "uncertain"],
  none: ["not enough evidence", (row, model) => rateEvidence(row, model) === "none"],
  reviewed: ["reviewed", (row) => row.label !== null],
  open: ["not reviewed", (row) => row.label === null],
  differs: ["label corrected", (row) => row.label !== null && row.label !== row.emotion],
};

export const chooseThreshold = (rows) => rows.some((row) => row.set) ? 0 : DEFAULT_THRESHOLD;
export const nameDialogue = (row) => `${row.split}/${row.dialogue}`;

export class Filter {
  // `onFilter`: called after a change; `onThreshold`: after a change of the threshold; `onWide(isWide)`: show all columns.
  constructor(rows, model, { onFilter, onThreshold, onWide }) {
    const dialogues = [...new Set(rows.map(nameDialogue))], speakers = [...new Set(rows.map((row) => row.speaker))];
    this.search = create("input", "", { type: "search", placeholder: "words or speaker" });
    this.label = createSelect([["", "all"], ...model.labels.map((label) => [label, label])]);
    this.speaker = createSelect([["all", "all"], ...speakers.map((speaker) => [`=${speaker}`, nameSpeaker({ speaker })])]);
    this.dialogue = createSelect([["", "all"], ...dialogues.map((name) => [name, name.replace(/^input\//, "")])]);
    this.state = createSelect(Object.entries(STATES).map(([value, [text]]) => [value, text]));
    this.threshold = create("input", "", { type: "number", min: "0", max: "100", step: "5", value: String(100 * model.threshold) });
    this.wide = create("input", "", { type: "checkbox" });
    this.count = create("span", "", { role: "status", class: "soft" });
    this.element = create("div", "", { class: "filter", role: "search", "aria-label": "Filter of the table" });
    this.element.append(addLabel("Search", this.search), addLabel("Label", this.label));
    if (speakers.length > 1) this.element.append(addLabel("Speaker", this.speaker));
    if (dialogues.length > 1) this.element.append(addLabel("Conversation", this.dialogue));
    this.element.append(addLabel("Show", this.state), addLabel("Uncertain below (%)", this.threshold), addLabel("All columns", this.wide), this.count);
    for (const control of [this.search, this.label, this.speaker, this.dialogue, this.state]) control.addEventListener("input", onFilter);
    this.threshold.addEventListener("input", () => {
      model.threshold = Math.min(100, Math.max(0, Number(this.threshold.value) || 0)) / 100;
      onThreshold();
    });
    this.wide.addEventListener("input", () => onWide(this.wide.checked));
    this.model = model;
  }

  // The numbers of the rows that pass. `get(index)`: the row with its corrections.
  select(total, get) {
    const wanted = this.search.value.trim().toLowerCase(), found = [];
    for (let index = 0; index < total; index++) {
      const row = get(index);
      const passes = (!wanted || `${row.text ?? ""}\n${nameSpeaker(row)}`.toLowerCase().includes(wanted))
        && (!this.label.value || (row.label ?? row.emotion) === this.label.value)
        && (this.speaker.value === "all" || `=${row.speaker}` === this.speaker.value)
        && (!this.dialogue.value || nameDialogue(row) === this.dialogue.value)
        && STATES[this.state.value][1](row, this.model);
      if (passes) found.push(index);
    }
    this.count.textContent = found.length === total ? formatCount(total, "utterance") : `${found.length} of ${formatCount(total, "utterance")}`;
    return found;
  }
}
