import { addLabel, create, createButton, setColour } from "./dom.js";

// The controls that correct the selected utterance, and those of the file of corrections.

export const KEYS = [
  ["↑ ↓, Page, Home, End", "another row"], ["Enter or Space", "play the utterance, or stop"], ["1 to 9", "give the label with this number"],
  ["C", "confirm the predicted label"], ["Delete", "take the label away"], ["E", "correct the words"], ["S", "correct the speaker"],
  ["I, O", "set the start, the end to the playback position"], ["N", "next uncertain utterance without a reviewed label"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"], ["← →, + −", "move, zoom the timeline"],
];

export class Editor {
  // `page`: { model, corrections, player, selected, focusTable(), loadFile(file), save() }
  constructor(page) {
    this.page = page;
    this.labels = create("div", "", { class: "labels", role: "group", "aria-label": "Label of the selected utterance" });
    this.buttons = page.model.labels.map((label, number) => {
      const hint = number < 9 ? { title: `key ${number + 1}`, "aria-keyshortcuts": String(number + 1) } : {};
      const button = setColour(createButton("", () => this.set({ emotion: label }), { ...hint, "aria-pressed": "false" }), label, page.model);
      button.append(create("span", number < 9 ? `${number + 1} ` : "", { class: "digit" }), label);
      this.labels.append(button);
      return button;
    });
    this.speaker = create("input", "", { type: "text", list: "speakers", maxlength: "200" });
    this.names = create("datalist", "", { id: "speakers" });
    this.text = create("textarea", "", { rows: "2" });
    this.start = create("input", "", { type: "number", min: "0", step: "0.1" });
    this.end = create("input", "", { type: "number", min: "0", step: "0.1" });
    this.problem = create("p", "", { class: "problem", role: "alert" });
    this.speaker.addEventListener("change", () => this.set({ speaker: this.speaker.value.trim() }));
    this.text.addEventListener("change", () => this.set({ text: this.text.value.trim() || null }));
    for (const [name, input] of [["start", this.start], ["end", this.end]])
      input.addEventListener("change", () => this.setTime(name, input.value === "" ? null : Number(input.value)));
    for (const input of [this.speaker, this.start, this.end])
      input.addEventListener("keydown", (event) => { if (event.key === "Enter") page.focusTable(); });
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); page.focusTable(); }
    });
    this.element = create("div", "", { class: "editor", role: "group", "aria-label": "Correct the selected utterance" });
    this.element.addEventListener("keydown", (event) => { if (event.key === "Escape") { this.show(); page.focusTable(); } });
    const fields = create("div", "", { class: "fields" });
    fields.append(addLabel("Speaker", this.speaker), addLabel("Words", this.text), addLabel("Start (s)", this.start), addLabel("End (s)", this.end), this.names);
    this.element.append(this.labels, fields, this.problem);
  }

  set(fields) {
    this.problem.textContent = "";
    this.page.corrections.set(this.page.selected, fields);
  }

  // Confirms the label that the model predicted.
  confirm() { this.set({ emotion: this.page.rows[this.page.selected].emotion }); }

  setTime(name, time) {
    const row = this.page.corrections.get(this.page.selected), after = { ...row, [name]: time };
    if (time === null || row.start === null || row.end === null) this.problem.textContent = "An utterance needs a start and an end in seconds.";
    else if (!(after.start >= 0 && after.start < after.end)) this.problem.textContent = "The start must be 0 s or later, and before the end.";
    else { this.set({ [name]: Math.round(1000 * time) / 1000 }); return; }
    this.show({ keepProblem: true });
  }

  show({ keepProblem = false } = {}) {
    const { page } = this, row = page.corrections.get(page.selected);
    if (!keepProblem) this.problem.textContent = "";
    this.buttons.forEach((button, number) => button.setAttribute("aria-pressed", row.label === page.model.labels[number]));
    this.speaker.value = row.speaker;
    this.text.value = row.text ?? "";
    this.start.value = row.start ?? "";
    this.end.value = row.end ?? "";
    this.start.disabled = this.end.disabled = row.start === null || row.end === null;
    this.names.replaceChildren(...[...new Set(page.rows.map((each) => each.speaker))].filter(Boolean).map((value) => create("option", "", { value })));
  }
}

// Undo, save and open corrections, and whether all are saved.
export class CorrectionsBar {
  constructor(page) {
    this.page = page;
    this.undo = createButton("Undo", () => page.undo());
    this.redo = createButton("Redo", () => page.redo());
    this.save = createButton("Save corrections", () => page.save());
    this.file = create("input", "", { type: "file", accept: ".csv,text/csv" });
    this.file.addEventListener("change", () => { if (this.file.files[0]) page.loadFile(this.file.files[0]); this.file.value = ""; });
    this.state = create("span", "", { role: "status", class: "soft" });
    this.messages = create("p", "", { role: "alert", class: "problem" });
    const tools = create("div", "", { class: "tools" });
    tools.append(this.undo, this.redo, this.save, addLabel("Open corrections", this.file), this.state);
    this.element = create("div", "", { class: "corrections" });
    this.element.append(tools, this.messages);
  }

  show() {
    const { corrections } = this.page, { size } = corrections.changes;
    this.undo.disabled = !corrections.done.length;
    this.redo.disabled = !corrections.undone.length;
    const where = corrections.isSaved ? "saved as a file" : corrections.isKept ? "kept in this browser, not saved as a file" : "not kept by this browser: save them as a file";
    this.state.textContent = size || !corrections.isSaved ? `${size === 1 ? "1 utterance" : `${size} utterances`} corrected or confirmed, ${where}` : "";
  }
}
