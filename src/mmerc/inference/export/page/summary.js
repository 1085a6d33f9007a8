import { create, formatCount, formatPercent, formatTime, nameSpeaker, setColour } from "./dom.js";

// What each speaker shows: the share of the time with each label, the mean probability of each label, and the transitions.

const MAX_SPEAKERS = 12, MAX_TRANSITIONS = 3;

// `rows`: with `label`, the person's label or null, in the order of the conversations. Without times, each utterance counts the same.
export function summarise(rows, labels) {
  const speakers = new Map(), hasTimes = rows.every((row) => row.start !== null && row.end !== null);
  for (const row of rows) {
    if (!speakers.has(row.speaker)) speakers.set(row.speaker, { rows: [], time: 0, shares: {}, means: {}, transitions: new Map(), last: null });
    const found = speakers.get(row.speaker), label = row.label ?? row.emotion, length = hasTimes ? row.end - row.start : 1;
    found.time += length;
    found.shares[label] = (found.shares[label] || 0) + length;
    for (const each of labels) found.means[each] = (found.means[each] || 0) + row.probabilities[each];
    const { last } = found, isSameTalk = last && last.dialogue === row.dialogue && last.split === row.split;
    if (isSameTalk && last.label !== label) {
      const key = `${last.label} → ${label}`;
      found.transitions.set(key, (found.transitions.get(key) || 0) + 1);
    }
    found.last = { label, dialogue: row.dialogue, split: row.split };
    found.rows.push(row);
  }
  return [...speakers].map(([speaker, found]) => ({
    speaker,
    count: found.rows.length,
    seconds: hasTimes ? found.time : null,
    shares: Object.fromEntries(labels.map((label) => [label, found.time ? (found.shares[label] || 0) / found.time : 0])),
    means: Object.fromEntries(labels.map((label) => [label, found.means[label] / found.rows.length])),
    transitions: [...found.transitions].sort((a, b) => b[1] - a[1]),
  })).sort((a, b) => b.count - a.count);
}

export function drawSummary(rows, model) {
  const box = create("div", "", { class: "speakers" }), speakers = summarise(rows, model.labels);
  for (const each of speakers.slice(0, MAX_SPEAKERS)) box.append(drawSpeaker(each, model));
  if (speakers.length > MAX_SPEAKERS) box.append(create("p", `and ${formatCount(speakers.length - MAX_SPEAKERS, "more speaker")} with fewer utterances`));
  return box;
}

function drawSpeaker({ speaker, count, seconds, shares, means, transitions }, model) {
  const card = create("article"), bar = create("div", "", { class: "stack", "aria-hidden": "true" });
  for (const label of model.labels) {
    const part = setColour(create("i"), label, model);
    part.style.flexGrow = shares[label];
    if (shares[label]) bar.append(part);
  }
  const time = seconds === null ? "" : `, ${formatTime(seconds)} ${seconds < 3600 ? "min" : "h"}`;
  card.append(create("h3", nameSpeaker({ speaker })), create("p", `${formatCount(count, "utterance")}${time}`), bar);
  const table = create("table"), head = create("tr"), body = create("tbody"), header = create("thead");
  for (const name of ["label", seconds === null ? "share of utterances" : "share of time", "mean probability"]) head.append(create("th", name, { scope: "col" }));
  for (const label of model.labels) {
    const line = create("tr");
    line.append(create("th", label, { scope: "row" }), create("td", formatPercent(shares[label])), create("td", formatPercent(means[label])));
    body.append(line);
  }
  header.append(head);
  table.append(header, body);
  const total = transitions.reduce((sum, [, number]) => sum + number, 0);
  const most = transitions.slice(0, MAX_TRANSITIONS).map(([name, number]) => `${name} (${number})`).join(", ");
  card.append(table, create("p", total ? `${formatCount(total, "transition")}; most often ${most}` : "no transitions"));
  return card;
}
