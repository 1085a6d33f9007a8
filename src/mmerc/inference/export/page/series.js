import { prepareCanvas } from "./waveform.js";

// The series of one person: the probabilities of each step, on top of each other, in the colours of the labels. A step from which
// nothing could be read is left out.

export function drawSeries(canvas, rows, scale, model) {
  const { context, width, height } = prepareCanvas(canvas);
  for (const { start, end, probabilities, modalities } of rows) {
    if (end < scale.from || start > scale.to || !modalities.length) continue;
    const from = scale.locate(start) * width, to = scale.locate(end) * width;
    let top = height;
    for (const label of model.labels) {
      const share = (probabilities[label] ?? 0) * height;
      context.fillStyle = model.colours[label];
      context.fillRect(from, top - share, to - from + .5, share);
      top -= share;
    }
  }
}
