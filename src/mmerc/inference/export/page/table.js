import { create, createScheduler } from "./dom.js";
import { readCell } from "./csv.js";
import { setEvidence } from "./evidence.js";

// The table of all utterances. Only the rows in sight are in the document, so that thousands of them scroll smoothly; when the page is
// printed, all of them are.

const SPARE = 20, MARGIN = 5;  // rows above and below those in sight; with less than the margin left, the rows are drawn anew
const MIN_WIDTH = 3, MAX_WIDTH = 34, PADDING = 3;  // of a column, in characters
const LONG = 25;  // characters of a column whose words are broken on paper
const NARROW = "(max-width: 640px)", FIRST = ["emotion", "text", "speaker"];  // a phone has these columns first
const REVIEWED = { name: "reviewed", path: ["label"] };  // the person's label, on this page only

export class Table {
  // `page`: { rows, columns, corrections, select(index), play(index) }
  constructor(page, onKey) {
    Object.assign(this, { page, indices: page.rows.map((_, index) => index), isPrinting: false, isWide: false });
    this.scroll = create("div", "", { class: "scroll" });
    this.table = create("table", "", { role: "grid", tabindex: "0", "aria-label": "All utterances", "aria-describedby": "keys" });
    this.head = create("thead");
    this.body = create("tbody");
    this.table.append(this.head, this.body);
    this.scroll.append(this.table);
    this.redraw = createScheduler(() => this.draw());
    this.scroll.addEventListener("scroll", this.redraw);
    new ResizeObserver(this.redraw).observe(this.scroll);
    this.body.addEventListener("click", (event) => this.click(event));
    this.table.addEventListener("keydown", onKey);
    window.addEventListener("beforeprint", () => { this.isPrinting = true; this.draw(); });
    window.addEventListener("afterprint", () => { this.isPrinting = false; this.draw(); });
    this.phone = window.matchMedia(NARROW);
    this.phone.addEventListener("change", () => this.drawHead());
    this.drawHead();
  }

  // The columns with a value. By default those with a value for each label or modality are left out, and those with the same value in all rows.
  chooseColumns() {
    const { rows, columns } = this.page, chosen = [];
    for (const column of columns) {
      const values = rows.map((row) => readCell(column, row)), isConstant = rows.length > 1 && new Set(values).size === 1;
      if (values.every((value) => value === "") || (!this.isWide && (isConstant || column.path.length > 1))) continue;
      const isNumber = values.some((value) => typeof value === "number");
      const isFraction = values.some((value) => typeof value === "number" && !Number.isInteger(value));
      const longest = values.reduce((most, value) => Math.max(most, isFraction && typeof value === "number" ? 8 : String(value).length), column.name.length);
      chosen.push({ ...column, isNumber, isFraction, width: Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, longest)) + PADDING });
    }
    const widest = Math.max(REVIEWED.name.length, ...this.page.model.labels.map((label) => label.length)) + PADDING;
    const all = [{ ...REVIEWED, width: widest }, ...chosen], isFirst = (column) => FIRST.includes(column.name);
    return this.phone.matches ? [...FIRST.flatMap((name) => all.filter((column) => column.name === name)), ...all.filter((column) => !isFirst(column))] : all;
  }

  drawHead() {
    this.columns = this.chooseColumns();
    const line = create("tr"), group = create("colgroup");
    for (const column of this.columns) {
      line.append(create("th", column.name, { scope: "col" }));
      const col = create("col");
      col.style.width = `${column.width}ch`;
      group.append(col);
    }
    this.table.querySelector("colgroup")?.remove();
    this.table.prepend(group);
    this.table.style.minWidth = `${this.columns.reduce((sum, column) => sum + column.width, 0)}ch`;
    this.head.replaceChildren(line);
    this.drawn = null;
    this.redraw();
  }

  showAll(isWide) {
    this.isWide = isWide;
    this.table.classList.toggle("wide", isWide);
    this.drawHead();
  }

  filter(indices) {
    this.indices = indices;
    this.numbers = new Map(indices.map((index, number) => [index, number]));
    this.table.setAttribute("aria-rowcount", indices.length + 1);
    this.refresh();
  }

  refresh() {
    this.drawn = null;
    this.redraw();
  }

  get rowHeight() {
    return this.height ||= this.body.querySelector("tr:not(.space)")?.getBoundingClientRect().height || 0;
  }

  draw() {
    if (!this.isPrinting && !this.scroll.isConnected) return;
    const count = this.indices.length, height = this.rowHeight || 30, { scrollTop, clientHeight } = this.scroll;
    const clamp = (number) => Math.min(count, Math.max(0, number));
    const top = Math.floor(scrollTop / height), bottom = Math.ceil((scrollTop + clientHeight) / height);
    const isEnough = this.drawn && this.drawn.first <= clamp(top - MARGIN) && this.drawn.last >= clamp(bottom + MARGIN);
    if (!isEnough || this.isPrinting) {
      const first = this.isPrinting ? 0 : clamp(top - SPARE), last = this.isPrinting ? count : clamp(bottom + SPARE), lines = new Map();
      for (let number = first; number < last; number++) lines.set(number, this.drawn?.lines.get(number) || this.drawRow(number));
      this.body.replaceChildren(this.drawSpace(first * height), ...lines.values(), this.drawSpace((count - last) * height));
      this.drawn = { first, last, lines };
    }
    this.markSelected();
    if (!this.height && this.rowHeight) this.refresh();  // the real height is known from the first drawing
  }

  drawSpace(height) {
    const line = create("tr", "", { class: "space", "aria-hidden": "true" }), cell = create("td", "", { colspan: this.columns.length });
    cell.style.height = `${height}px`;
    line.append(cell);
    line.hidden = !height;
    return line;
  }

  drawRow(number) {
    const index = this.indices[number], row = this.page.corrections.get(index);
    const line = create("tr", "", { id: `row-${index}`, "data-index": index, "aria-rowindex": number + 2 });
    for (const column of this.columns) {
      const value = readCell(column, row), text = typeof value === "number" && column.isFraction ? value.toFixed(3) : String(value);
      const kind = column.isNumber ? "number" : column.width > LONG + PADDING ? "long" : "", cell = create("td", text, kind ? { class: kind } : {});
      if (text.length > column.width - PADDING) cell.title = text;
      line.append(cell);
    }
    line.classList.toggle("changed", this.page.corrections.changes.has(index));
    return setEvidence(line, row, this.page.model, row.label);
  }

  markSelected() {
    const selected = this.body.querySelector(`#row-${this.page.selected}`);
    for (const line of this.body.querySelectorAll("[aria-selected=true]")) if (line !== selected) line.removeAttribute("aria-selected");
    selected?.setAttribute("aria-selected", "true");
    if (selected) this.table.setAttribute("aria-activedescendant", selected.id);
    else this.table.removeAttribute("aria-activedescendant");
  }

  // Scrolls the table, not the page, to the selected row.
  reveal(index) {
    const number = this.numbers.get(index);
    if (number === undefined) { this.redraw(); return; }
    const height = this.rowHeight || 30, top = number * height, head = this.head.clientHeight;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top + height + head > this.scroll.scrollTop + this.scroll.clientHeight)
      this.scroll.scrollTop = top + height + head - this.scroll.clientHeight;
    this.draw();
  }

  // The row that is `step` rows below the selected one in the table; the first where that one is not in it.
  find(step) {
    const number = this.numbers.get(this.page.selected);
    return this.indices[number === undefined ? 0 : Math.min(this.indices.length - 1, Math.max(0, number + step))];
  }

  get rowsInSight() { return Math.max(1, Math.floor(this.scroll.clientHeight / (this.rowHeight || 30)) - 2); }

  click(event) {
    const line = event.target.closest("tr[data-index]");
    if (!line) return;
    this.page.select(Number(line.dataset.index));
    this.page.play(Number(line.dataset.index));
  }
}
