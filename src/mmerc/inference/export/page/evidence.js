import { create, formatPercent, setColour } from "./dom.js";

// How sure a prediction is, in words and in colour.

const NEARLY_ALL = .8;  // of the labels
const PALE = 26;  // per cent of the colour where only the probability is low
export const NO_EVIDENCE = "not enough evidence";

// "none" if nothing was read or the set has nearly all labels; "uncertain" as the row says, or if its probability is below the
// threshold of the page.
export function rateEvidence(row, model) {
  if (!row.modalities.length || (row.set && row.set.length > NEARLY_ALL * model.labels.length)) return "none";
  return row.uncertain || row.confidence < (model.threshold || 0) ? "uncertain" : "certain";
}

const formatCoverage = (row) => `prediction set at ${formatPercent(row.coverage)} coverage`;

// "uncertain: joy or surprise (prediction set at 90 % coverage)"; empty if there is nothing to say.
export function describeSet(row, model) {
  const evidence = rateEvidence(row, model);
  const isBelow = evidence === "uncertain" && !row.uncertain;
  const low = `uncertain: the probability is below ${formatPercent(model.threshold)}`;
  if (!row.set) return evidence === "none" ? NO_EVIDENCE : isBelow ? low : "";
  const labels = `${row.set.join(" or ")} (${formatCoverage(row)})`;
  if (isBelow) return `${low}; ${labels}`;
  if (evidence === "uncertain" && row.set.length === 1)
    return `uncertain: no label is probable enough for the ${formatCoverage(row)}`;
  return `${{ none: `${NO_EVIDENCE}: `, uncertain: "uncertain: ", certain: "only " }[evidence]}${labels}`;
}

// The share of its colour that an uncertain prediction keeps, in per cent: less, the more labels its set has.
export function computeStrength(row, model) {
  if (!row.set) return PALE;
  const share = Math.max(0, row.set.length - 2) / Math.max(1, NEARLY_ALL * model.labels.length - 2);  // 0: two labels
  return Math.round(36 - 20 * share);
}

// The colour of a prediction, paler the more labels its set has, or none. A label that a person gave is certain.
export function setEvidence(node, row, model, label = null) {
  const evidence = label === null ? rateEvidence(row, model) : "certain";
  node.classList.toggle("uncertain", evidence === "uncertain");
  node.classList.toggle("none", evidence === "none");
  if (evidence === "uncertain") node.style.setProperty("--strength", `${computeStrength(row, model)}%`);
  return setColour(node, label ?? row.emotion, model);
}

export function drawLegend(model) {
  const legend = create("div", "", { class: "legend", role: "group", "aria-label": "Colours" });
  for (const label of model.labels) legend.append(setColour(create("span", label), label, model));
  legend.append(create("span", "uncertain", { class: "uncertain" }), create("span", NO_EVIDENCE, { class: "none" }));
  return legend;
}
