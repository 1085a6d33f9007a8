import { createButton, create, download } from "./dom.js";

// Tables as CSV: written as `mmerc predict --format csv` writes them, and read back.

// The value of a cell, as `Column.value` in Python gives it, without the guard.
export function readCell(column, row) {
  let value = row;
  for (const key of column.path) value = value?.[key];
  if (typeof value === "boolean") return value ? "True" : "False";  // as Python writes it
  return Array.isArray(value) ? value.join(" ") : value ?? "";
}

// Lines of cells as CSV. Text that a spreadsheet would run as a formula gets a quote in front.
export function formatLines(lines, formula) {
  const guard = (value) => typeof value === "string" && formula.test(value) ? `'${value}` : String(value);
  const quote = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return lines.map((line) => `${line.map(guard).map(quote).join(",")}\r\n`).join("");
}

export const formatCsv = (rows, columns, formula) =>
  formatLines([columns.map((column) => column.name), ...rows.map((row) => columns.map((column) => readCell(column, row)))], formula);

const SEPARATORS = [",", ";", "\t"];

// The lines of a CSV file, each a list of cells (RFC 4180). A spreadsheet may have written semicolons or tabs.
export function parseCsv(text) {
  const source = text.replace(/^\ufeff/, ""), header = source.split(/\r?\n/, 1)[0];
  const separator = SEPARATORS.reduce((best, each) => header.split(each).length > header.split(best).length ? each : best);
  const lines = [];
  let line = [], cell = "", isQuoted = false;
  const endLine = () => { lines.push([...line, cell]); line = []; cell = ""; };
  for (let index = 0; index < source.length; index++) {
    const sign = source[index];
    if (isQuoted) {
      if (sign !== '"') cell += sign;
      else if (source[index + 1] === '"') { cell += sign; index++; } else isQuoted = false;
    } else if (sign === '"' && cell === "") isQuoted = true;
    else if (sign === separator) { line.push(cell); cell = ""; }
    else if (sign === "\n") endLine();
    else if (sign !== "\r") cell += sign;
  }
  if (cell || line.length) endLine();
  return lines.filter((each) => each.some((value) => value.trim()));
}

// The rows of a CSV file by the names of its columns; a quote that guards a formula is taken away.
export function parseRows(text, formula) {
  const [header = [], ...lines] = parseCsv(text);
  const names = header.map((name) => name.trim().toLowerCase());
  const strip = (value) => value.startsWith("'") && formula.test(value.slice(1)) ? value.slice(1) : value;
  return { names, rows: lines.map((line) => Object.fromEntries(names.map((name, index) => [name, strip(line[index] ?? "").trim()]))) };
}

export function drawDownloads(rows, columns, formula) {
  const box = create("div", "", { class: "tools" });
  box.append(
    createButton("Save as CSV", () => download("emotions.csv", formatCsv(rows, columns, formula), "text/csv")),
    createButton("Save as JSON", () => download("emotions.json", JSON.stringify(rows, null, 1), "application/json")),
  );
  return box;
}
