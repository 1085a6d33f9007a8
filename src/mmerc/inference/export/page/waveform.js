// The waveform of the recording, from the lowest and highest sample of equal pieces of it (computed in Python).

// `encoded`: { rate: pieces per second, data: base64 of pairs of signed bytes }
export function decodePeaks(encoded) {
  if (!encoded) return null;
  const bytes = Uint8Array.from(atob(encoded.data), (sign) => sign.charCodeAt(0));
  return { rate: encoded.rate, pairs: new Int8Array(bytes.buffer) };
}

// Fits the bitmap to the size on screen. Returns its context, with CSS pixels as the unit, and its size.
export function prepareCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

export function drawWaveform(canvas, { rate, pairs }, scale) {
  const { context, width, height } = prepareCanvas(canvas), middle = height / 2, count = pairs.length / 2;
  context.fillStyle = getComputedStyle(canvas).color;
  for (let x = 0; x < width; x++) {
    const first = Math.floor(scale.timeAt(x / width) * rate), last = Math.max(first + 1, Math.floor(scale.timeAt((x + 1) / width) * rate));
    let low = 0, high = 0;
    for (let piece = Math.max(0, first); piece < Math.min(count, last); piece++) {
      low = Math.min(low, pairs[2 * piece]);
      high = Math.max(high, pairs[2 * piece + 1]);
    }
    context.fillRect(x, middle - high / 127 * middle, 1, Math.max(1, (high - low) / 127 * middle));
  }
}
