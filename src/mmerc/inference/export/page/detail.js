import { create, formatPercent, formatTime, nameSpeaker, setColour } from "./dom.js";
import { describeSet } from "./evidence.js";

// The selected utterance: its words, what was read, its probabilities.

export const listProbabilities = (row, model) =>
  model.labels.map((label) => `${label} ${formatPercent(row.probabilities[label])}`);

export function drawProbabilities(row, model) {
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

export function describePrediction(row, model) {
  const box = create("div");
  box.append(create("b", `${nameSpeaker(row)}  ${formatTime(row.start)}`),
    create("blockquote", row.text || "(the words are not known)"),
    create("div", row.modalities.length ? `predicted from ${row.modalities.join(", ")}`
      : "no modality could be read: the probabilities are the label frequencies of the training data"));
  if (row.overlap) box.append(create("div", `another person speaks, too, in ${formatPercent(row.overlap)} of its time`, { class: "soft" }));
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
