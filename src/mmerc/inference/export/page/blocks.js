import { create, formatPercent, formatTime, nameSpeaker } from "./dom.js";
import { computeStrength, describeSet, NO_EVIDENCE, rateEvidence, setEvidence } from "./evidence.js";
import { listProbabilities } from "./detail.js";
import { prepareCanvas } from "./waveform.js";

// The block of an utterance: a button, or a few pixels of a canvas where many are shown at once.

const HATCH = 4;  // pixels between two lines
const THINNEST = 1;  // pixels

export function createBlock(index) {
  const block = create("button", "", { type: "button", tabindex: "-1", "data-index": index });
  block.append(create("span"));
  return block;
}

export function fillBlock(block, row, model) {
  const set = describeSet(row, model), shown = row.label ?? row.emotion;
  const label = row.label === null && rateEvidence(row, model) === "none" ? NO_EVIDENCE : row.label === null ? shown : `✓ ${shown}`;
  const reviewed = row.label === null ? [] : [`reviewed: ${row.label}`];
  const found = [...reviewed, `${row.emotion} ${formatPercent(row.confidence)}`, ...(set ? [set] : []), row.text || ""].join(". ");
  block.title = [...reviewed, ...(set ? [set] : []), ...listProbabilities(row, model)].join("\n");
  block.setAttribute("aria-label", `${nameSpeaker(row)} ${formatTime(row.start)}: ${found}`);
  block.firstChild.textContent = label;
  setEvidence(block, row, model, row.label);
}

// Draws many blocks: `blocks` are { row, from, to, lane } with `from` and `to` as shares of the width, lanes from 0.
export function paintBlocks(canvas, blocks, lanes, model) {
  const { context, width, height } = prepareCanvas(canvas), lane = height / lanes, gap = lanes > 1 ? 1 : 0;
  context.strokeStyle = getComputedStyle(canvas).color;
  for (const { row, from, to, lane: number } of blocks) {
    const x = from * width, y = number * lane, thick = Math.max(THINNEST, (to - from) * width);
    const evidence = row.label === null ? rateEvidence(row, model) : "certain";
    if (evidence === "none") hatch(context, x, y, thick, lane - gap);
    else {
      context.globalAlpha = evidence === "uncertain" ? computeStrength(row, model) / 100 : 1;
      context.fillStyle = model.colours[row.label ?? row.emotion];
      context.fillRect(x, y, thick, lane - gap);
      context.globalAlpha = 1;
    }
  }
}

function hatch(context, x, y, width, height) {
  context.beginPath();
  for (let line = Math.ceil((x - height) / HATCH) * HATCH; line < x + width; line += HATCH) {
    const first = Math.max(line, x), last = Math.min(line + height, x + width);
    context.moveTo(first, y + height - (first - line));
    context.lineTo(last, y + height - (last - line));
  }
  context.globalAlpha = .5;
  context.stroke();
  context.globalAlpha = 1;
}
