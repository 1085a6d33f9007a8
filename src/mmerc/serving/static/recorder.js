"use strict";
// In the browser's sound thread: blocks of a tenth of a second as 16-bit samples. The context runs at 16 kHz already.
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(1600);
    this.filled = 0;
  }
  process([channels]) {
    if (!channels.length) return true;
    for (let at = 0; at < channels[0].length; at++) {
      let sum = 0;
      for (const channel of channels) sum += channel[at];
      this.block[this.filled++] = Math.max(-1, Math.min(1, sum / channels.length)) * 32767;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}
registerProcessor("recorder", Recorder);
