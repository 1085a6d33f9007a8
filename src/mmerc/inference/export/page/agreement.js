import { create, formatCount, formatPercent } from "./dom.js";

// How well two annotators agree, here the model and the person who corrects it.

// `pairs`: [label of the model, label of the person] of each reviewed utterance. Kappa is Cohen's (1960), alpha Krippendorff's for
// nominal labels, with two annotators and without gaps. Null where all labels are the same, since chance alone agrees then.
export function computeAgreement(pairs) {
  const count = pairs.length;
  if (!count) return { count, accuracy: null, kappa: null, alpha: null };
  const model = {}, person = {}, both = {};
  let same = 0;
  for (const [predicted, given] of pairs) {
    model[predicted] = (model[predicted] || 0) + 1;
    person[given] = (person[given] || 0) + 1;
    for (const label of [predicted, given]) both[label] = (both[label] || 0) + 1;
    same += predicted === given;
  }
  const accuracy = same / count;
  const chance = Object.keys(both).reduce((sum, label) => sum + (model[label] || 0) * (person[label] || 0), 0) / count ** 2;
  const total = 2 * count;  // labels given by both
  const differing = 1 - Object.values(both).reduce((sum, each) => sum + each * (each - 1), 0) / (total * (total - 1));
  return {
    count,
    accuracy,
    kappa: chance < 1 ? (accuracy - chance) / (1 - chance) : null,
    alpha: differing > 0 ? 1 - (1 - accuracy) / differing : null,
  };
}

// One line on the agreement, for the page.
export function drawAgreement(pairs, total) {
  const { count, accuracy, kappa, alpha } = computeAgreement(pairs), format = (value) => value === null ? "not defined" : value.toFixed(2);
  const box = create("p", "", { class: "agreement", "aria-live": "off" });
  box.textContent = count === 0
    ? `No label of ${formatCount(total, "utterance")} is reviewed.`
    : `${count} of ${formatCount(total, "label")} reviewed. Agreement of model and annotator: accuracy ${formatPercent(accuracy)}, `
      + `Cohen's κ ${format(kappa)}, Krippendorff's α ${format(alpha)}.`;
  return box;
}
