"use strict";
// The timeline of predicted emotions. Shared by the page that `mmerc predict --html` writes and the page of `mmerc serve`.
//
// `rows` are predictions as `Prediction.to_dict` gives them. `columns` are [{ name, path }], as `list_columns` gives them.
// `model` is { labels: [label], colours: { label: "#rrggbb" } }.

const create = (tag, text = "", attributes = {}) => {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};
const formatPercent = (probability) => `${(100 * probability).toFixed(0)}\u00a0%`;
const formatTime = (seconds) =>
  seconds === null ? "" : `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
const nameSpeaker = (row) => row.speaker || "unknown speaker";
const listProbabilities = (row, model) =>
  model.labels.map((label) => `${label} ${formatPercent(row.probabilities[label])}`);

// How sure a prediction is: "none" if nothing was read or the set has nearly all labels, "uncertain" as the row says.
const NEARLY_ALL = .8;  // of the labels
const NO_EVIDENCE = "not enough evidence";
function rateEvidence(row, model) {
  if (!row.modalities.length || (row.set && row.set.length > NEARLY_ALL * model.labels.length)) return "none";
  return row.uncertain ? "uncertain" : "certain";
}
const formatCoverage = (row) => `prediction set at ${formatPercent(row.coverage)} coverage`;

// "uncertain: joy or surprise (prediction set at 90 % coverage)"; empty if the model has no prediction sets.
function describeSet(row, model) {
  const evidence = rateEvidence(row, model), prefix = { none: `${NO_EVIDENCE}: `, uncertain: "uncertain: ", certain: "only " }[evidence];
  if (!row.set) return evidence === "none" ? NO_EVIDENCE : "";
  if (evidence === "uncertain" && row.set.length === 1) return `uncertain: no label is probable enough for the ${formatCoverage(row)}`;
  return `${prefix}${row.set.join(" or ")} (${formatCoverage(row)})`;
}

const LUMA = [.3, .59, .11];  // of red, green and blue
const isLight = (colour) =>
  LUMA.reduce((sum, weight, index) => sum + weight * parseInt(colour.slice(2 * index + 1, 2 * index + 3), 16), 0) > 100;

function setColour(node, label, model) {
  node.style.setProperty("--colour", model.colours[label]);
  node.style.setProperty("--on", isLight(model.colours[label]) ? "#000" : "#fff");
  return node;
}

// The colour of a prediction, paler the more labels its set has, or none.
function setEvidence(node, row, model) {
  const evidence = rateEvidence(row, model);
  if (evidence !== "certain") node.classList.add(evidence);
  if (evidence === "uncertain") {
    const share = Math.max(0, row.set.length - 2) / Math.max(1, NEARLY_ALL * model.labels.length - 2);  // 0: two labels
    node.style.setProperty("--strength", `${(36 - 20 * share).toFixed(0)}%`);
  }
  return setColour(node, row.emotion, model);
}

function drawLegend(model) {
  const legend = create("div", "", { class: "legend", role: "group", "aria-label": "Colours" });
  for (const label of model.labels) legend.append(setColour(create("span", label), label, model));
  legend.append(create("span", "uncertain", { class: "uncertain" }), create("span", NO_EVIDENCE, { class: "none" }));
  return legend;
}

function drawProbabilities(row, model) {
  const box = create("div", "", { class: "bars", role: "img", "aria-label": listProbabilities(row, model).join(", ") });
  for (const label of model.labels) {
    const bar = setColour(create("i"), label, model);
    bar.style.width = `${100 * row.probabilities[label]}%`;
    box.append(create("span", label), bar, create("em", formatPercent(row.probabilities[label])));
  }
  return box;
}

// "without face: joy 75 % instead of 71 % (+4 points)": `loss` is what the probability loses without the part.
function describeChange(part, loss, row) {
  const without = row.confidence - loss, points = (-100 * loss).toFixed(0);
  const change = Number(points) > 0 ? `+${points}` : points.replace("-", "−");
  return `without ${part}: ${row.emotion} ${formatPercent(without)} instead of ${formatPercent(row.confidence)} `
    + `(${Number(points) === 0 ? "no change" : `${change} points`})`;
}

function describePrediction(row, model) {
  const box = create("div");
  box.append(create("b", `${nameSpeaker(row)}  ${formatTime(row.start)}`),
    create("blockquote", row.text || "(the words are not known)"),
    create("div", row.modalities.length ? `predicted from ${row.modalities.join(", ")}`
      : "no modality could be read: the probabilities are the label frequencies of the training data"));
  if (describeSet(row, model)) box.append(create("div", describeSet(row, model), { class: "set" }));
  for (const [name, reason] of Object.entries(row.missing || {}))
    box.append(create("div", `no ${name}: ${reason}`, { class: "soft" }));
  for (const [name, loss] of Object.entries(row.influence || {}))
    box.append(create("div", describeChange(name, loss, row)));
  const pairs = Object.entries(row.attention || {}).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  for (const [pair, loss] of pairs.slice(0, 2))
    box.append(create("div", describeChange(`attention ${pair.replace("->", " → ")}`, loss, row), { class: "soft" }));
  return box;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];  // seconds between two marks
function drawAxis(begin, duration) {
  const axis = create("div", "", { class: "axis", "aria-hidden": "true" }), marks = create("div", "", { class: "marks" });
  const step = STEPS.find((each) => duration / each <= 8) || 3600 * Math.ceil(duration / 28800);
  for (let time = Math.ceil(begin / step) * step; time <= begin + duration; time += step) {
    const mark = create("span", formatTime(time).slice(0, -2));
    mark.style.left = `${100 * (time - begin) / duration}%`;
    marks.append(mark);
  }
  axis.append(create("b"), marks);
  return axis;
}

function drawBlock(row, model) {
  const set = describeSet(row, model), lines = [...(set ? [set] : []), ...listProbabilities(row, model)];
  const label = rateEvidence(row, model) === "none" ? NO_EVIDENCE : row.emotion;
  const found = [`${row.emotion} ${formatPercent(row.confidence)}`, ...(set ? [set] : []), row.text || ""].join(". ");
  const block = setEvidence(create("button", "", {
    type: "button", "aria-pressed": "false", title: lines.join("\n"),
    "aria-label": `${nameSpeaker(row)} ${formatTime(row.start)}: ${found}`,
  }), row, model);
  block.append(create("span", label));
  return block;
}

function drawDialogue(rows, columns, model, media) {
  const section = create("section");
  const hasTimes = rows.every((row) => row.start !== null && row.end !== null);
  const begin = hasTimes ? Math.min(...rows.map((row) => row.start)) : 0;
  const duration = hasTimes ? Math.max(...rows.map((row) => row.end)) - begin || 1 : rows.length;
  const detail = create("div", "", { class: "detail", "aria-live": "polite" });
  const blocks = rows.map((row) => drawBlock(row, model));
  const select = (index) => {
    blocks.forEach((block, each) => block.setAttribute("aria-pressed", each === index));
    detail.replaceChildren(describePrediction(rows[index], model), drawProbabilities(rows[index], model));
  };
  section.append(create("h2", `Conversation ${rows[0].dialogue}`));
  for (const speaker of new Set(rows.map((row) => row.speaker))) {
    const lane = create("div", "", { class: "lane" }), track = create("div", "", { class: "track" });
    rows.forEach((row, index) => {
      if (row.speaker !== speaker) return;
      const block = blocks[index];
      const start = hasTimes ? row.start - begin : index, length = hasTimes ? row.end - row.start : 1;
      block.style.left = `${100 * start / duration}%`;
      block.style.width = `${100 * length / duration}%`;
      for (const event of ["mouseenter", "focus", "click"]) block.addEventListener(event, () => select(index));
      if (media && row.start !== null)
        block.addEventListener("click", () => { media.currentTime = row.start; media.play(); });
      track.append(block);
    });
    lane.append(create("b", nameSpeaker({ speaker }), { title: nameSpeaker({ speaker }) }), track);
    section.append(lane);
  }
  if (hasTimes) section.append(drawAxis(begin, duration));
  section.append(detail, drawTable(rows, columns));
  select(0);
  if (media && hasTimes) media.addEventListener("timeupdate", () => {
    const now = rows.findIndex((row) => row.start <= media.currentTime && media.currentTime < row.end);
    if (now >= 0 && blocks[now].getAttribute("aria-pressed") !== "true") select(now);
  });
  return section;
}

// The value of a cell, as `Column.value` in Python gives it, without the guard.
function readCell(column, row) {
  let value = row;
  for (const key of column.path) value = value?.[key];
  if (typeof value === "boolean") return value ? "True" : "False";  // as Python writes it
  return Array.isArray(value) ? value.join(" ") : value ?? "";
}

function drawTable(rows, columns) {
  const table = create("table"), titles = create("tr"), lines = rows.map(() => create("tr"));
  for (const column of columns) {
    const values = rows.map((row) => readCell(column, row));
    if (values.every((value) => value === "")) continue;
    const isFraction = values.some((value) => typeof value === "number" && !Number.isInteger(value));
    titles.append(create("th", column.name, { scope: "col" }));
    values.forEach((value, index) => {
      const isNumber = typeof value === "number";
      const style = isNumber ? { class: "number" } : value.length > 24 ? { class: value.length > 80 ? "long wide" : "long" } : {};
      lines[index].append(create("td", isNumber && isFraction ? value.toFixed(3) : value, style));
    });
  }
  const head = create("thead"), body = create("tbody");
  head.append(titles);
  body.append(...lines);
  table.append(head, body);
  const scroll = create("div", "", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of all utterances" });
  scroll.append(table);
  return scroll;
}

// The file that `mmerc predict --format csv` writes: text that a spreadsheet would run as a formula gets a quote.
function formatCsv(rows, columns, formula) {
  const guard = (value) => typeof value === "string" && formula.test(value) ? `'${value}` : String(value);
  const quote = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = [columns.map((column) => column.name)];
  for (const row of rows) lines.push(columns.map((column) => guard(readCell(column, row))));
  return lines.map((line) => `${line.map(quote).join(",")}\r\n`).join("");
}

function download(name, text, type) {
  const link = create("a", "", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function drawDownloads(rows, columns, formula) {
  const box = create("div", "", { class: "tools" });
  const csv = create("button", "Save as CSV", { type: "button" }), json = create("button", "Save as JSON", { type: "button" });
  csv.addEventListener("click", () => download("emotions.csv", formatCsv(rows, columns, formula), "text/csv"));
  json.addEventListener("click", () => download("emotions.json", JSON.stringify(rows, null, 1), "application/json"));
  box.append(csv, json);
  return box;
}

function showTimeline(container, { rows, columns, formula, labels, colours }, media) {
  const model = { labels, colours }, pattern = new RegExp(formula);
  const dialogues = new Map();
  for (const row of rows) {
    const key = `${row.split}/${row.dialogue}`;
    dialogues.set(key, [...(dialogues.get(key) || []), row]);
  }
  container.replaceChildren(drawLegend(model));
  for (const each of dialogues.values()) container.append(drawDialogue(each, columns, model, media));
  container.append(drawDownloads(rows, columns, pattern));
}
