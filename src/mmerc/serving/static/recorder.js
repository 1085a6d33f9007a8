"use strict";
// Runs in the audio thread of the browser: sends blocks of 0.1 s as 16-bit samples. The context runs at 16 kHz.
const BLOCK = 1600;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
  }
  process([channels]) {
    if (!channels.length) return true;
    for (let index = 0; index < channels[0].length; index++) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      this.block[this.filled++] = Math.max(-1, Math.min(1, sum / channels.length)) * 32767;
      if (this.filled === BLOCK) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}
registerProcessor("recorder", Recorder);
