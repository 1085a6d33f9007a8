// A client of the service for web pages: utterances, recordings as jobs, and live streams with camera and microphone.
// The page of the service uses it, and so can any other page: see "A client in JavaScript" in docs/serving.md. It needs no other file.

const POLL_MILLISECONDS = 700;
const SOUND = 1, IMAGE = 2;  // the first byte of a binary message
const SAMPLE_RATE = 16000, BLOCK = 1600;  // samples in a second, and in a message
const IMAGES_PER_SECOND = 5, MAX_SIDE = 640, JPEG_QUALITY = .85;
const MILLISECONDS_WITHOUT_SOUND = 4000;  // length of an utterance if there is no microphone

// The service refuses a request. `status`: of HTTP; the message is the service's sentence.
export class ServiceError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.name = "ServiceError";
    this.status = status;
  }
}

// A client of the service at `url`; by default the one that this file comes from. Every method that waits throws a `ServiceError` if the service
// refuses, and a `TypeError` if it cannot be reached.
export class Client {
  constructor(url = new URL("..", import.meta.url), { token = "" } = {}) {
    this.url = new URL(url, globalThis.document?.baseURI);
    if (!this.url.pathname.endsWith("/")) this.url.pathname += "/";
    this.token = token;
  }

  async request(path, options = {}) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    const response = await fetch(new URL(path, this.url), { ...options, headers });
    if (response.status === 204) return null;
    const body = await response.json().catch(() => ({ detail: `the service responded with status ${response.status}.` }));
    if (!response.ok) throw new ServiceError(response.status, body.detail);
    return body;
  }

  // The model: its name, labels, colours, modalities, and what it was trained on.
  getModel() { return this.request("v1/model"); }

  // The prediction for one utterance: a clip (a File or Blob), a text, or both.
  predictUtterance({ clip, text, speaker, conversation, explain } = {}) {
    return this.request("v1/utterances", { method: "POST", body: makeForm({ clip, text, speaker, conversation, explain }) });
  }

  // Sends a recording (a File or Blob) and does not wait for its predictions. Gives the ID of the job.
  async startRecording(recording, { transcript, explain, signal } = {}) {
    const body = makeForm({ recording, transcript, explain });
    return (await this.request("v1/conversations", { method: "POST", body, signal })).id;
  }

  getJob(id) { return this.request(`v1/jobs/${encodeURIComponent(id)}`); }

  // Cancels a job, or deletes a finished one with its result.
  deleteJob(id) { return this.request(`v1/jobs/${encodeURIComponent(id)}`, { method: "DELETE" }); }

  // The job when it has ended; its `state` is "done", "failed" or "cancelled". `onProgress` gets the job each time that it is asked for.
  async waitForJob(id, { onProgress = () => {}, signal } = {}) {
    for (;;) {
      const job = await this.request(`v1/jobs/${encodeURIComponent(id)}`, { signal });
      if (!["waiting", "running"].includes(job.state)) return job;
      onProgress(job);
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    }
  }

  // The predictions for a recording of any length. A `signal` that is aborted cancels the job, too.
  async predictRecording(recording, { transcript, explain, onProgress, signal } = {}) {
    const id = await this.startRecording(recording, { transcript, explain, signal });
    try {
      const job = await this.waitForJob(id, { onProgress, signal });
      if (job.state !== "done") throw new ServiceError(422, job.error || "the recording was cancelled.");
      return job.rows;
    } catch (error) {
      if (signal?.aborted) await this.deleteJob(id).catch(() => {});
      throw error;
    }
  }

  // Erases a recording with its result (the ID of its job), or a conversation of single utterances (its name).
  erase(id) { return this.request(`v1/conversations/${encodeURIComponent(id)}`, { method: "DELETE" }); }

  // A live conversation. `options`: speaker, segmentation, interim, speakers, explain, as in the message `start`.
  openStream(options = {}) {
    const url = new URL("v1/stream", this.url);
    url.protocol = url.protocol.replace("http", "ws");
    return new Stream(url, { token: this.token, ...options });
  }
}

// A live conversation. It has an event for each message of the service (ready, speech, prediction, enrolled, nothing, error), whose `detail` is the
// message, and the events `open` and `close`, whose `detail` has the code and the reason. Nothing is sent before `open` and after `close`.
export class Stream extends EventTarget {
  constructor(url, options) {
    super();
    this.socket = new WebSocket(url);
    this.socket.onopen = () => {
      this.send({ type: "start", ...options });
      this.#report("open", null);
    };
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      this.#report(message.type, message);
    };
    this.socket.onclose = ({ code, reason }) => this.#report("close", { code, reason });
  }

  get isOpen() { return this.socket.readyState === WebSocket.OPEN; }

  send(message) { if (this.isOpen) this.socket.send(JSON.stringify(message)); }

  // Mono samples at 16 kHz: an Int16Array, or a Float32Array with values from -1 to 1.
  sendSound(samples) {
    this.#sendBytes(SOUND, samples instanceof Int16Array ? samples : Int16Array.from(samples, roundSample));
  }

  // An image of the camera: the bytes of a JPEG or PNG file, as an ArrayBuffer or a typed array.
  sendImage(content) { this.#sendBytes(IMAGE, ArrayBuffer.isView(content) ? content : new Uint8Array(content)); }

  // Words of the current utterance, or of the one between two times in seconds of the stream.
  sendText(text, { speaker = "", start = null, end = null, final = true } = {}) {
    this.send({ type: "text", text, speaker, start, end, final });
  }

  // The person who speaks in the next `seconds` has this name.
  enrol(name, { seconds = 5 } = {}) { this.send({ type: "enrol", name, seconds }); }

  endUtterance() { this.send({ type: "end" }); }

  // Ends the conversation. The last predictions still arrive.
  stop() { this.send({ type: "stop" }); }

  #sendBytes(kind, values) {
    if (!this.isOpen) return;
    const message = new Uint8Array(values.byteLength + 1);
    message[0] = kind;
    message.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 1);
    this.socket.send(message);
  }

  #report(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}

// Camera and microphone, or the one of them that can be used. Throws an Error with a sentence for people.
export async function openDevices({ camera = true, microphone = true } = {}) {
  const wanted = { video: camera && { width: MAX_SIDE }, audio: microphone && { echoCancellation: true } };
  if (!camera && !microphone) return new MediaStream();
  if (!navigator.mediaDevices)  // browsers hide the devices from pages of other machines without TLS
    throw new Error("The browser gives camera and microphone only to https pages and to localhost: open one of these, or type what is said.");
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {  // one of them is missing or was refused: use the other
    for (const part of camera && microphone ? [{ audio: wanted.audio }, { video: wanted.video }] : [])
      try { return await navigator.mediaDevices.getUserMedia(part); } catch { /* nor this one */ }
    throw new Error(`Camera and microphone cannot be used (${error.message}): allow them, or type what is said.`);
  }
}

// Sends what the devices record to a stream that is open, until `stop`. `video`: an element that shows the camera. Without a microphone an
// utterance takes four seconds.
export class Capture {
  constructor(stream, devices, { video = document.createElement("video") } = {}) {
    this.stream = stream;
    this.devices = devices;
    this.video = video;
    this.timers = [];
    this.context = null;
  }

  async start() {
    const hasSound = this.devices.getAudioTracks().length > 0, hasImages = this.devices.getVideoTracks().length > 0;
    if (hasSound) await this.#sendSound();
    if (hasImages) await this.#sendImages();
    if (hasImages && !hasSound) this.#repeat(MILLISECONDS_WITHOUT_SOUND, () => this.stream.endUtterance());
  }

  stop() {
    this.timers.splice(0).forEach(clearInterval);
    this.devices.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.context = null;
  }

  #repeat(milliseconds, run) { this.timers.push(setInterval(run, milliseconds)); }

  async #sendSound() {
    this.context = new AudioContext({ sampleRate: SAMPLE_RATE });
    await this.context.audioWorklet.addModule(import.meta.url);  // the last lines of this file
    const recorder = new AudioWorkletNode(this.context, "mmerc-recorder");
    recorder.port.onmessage = ({ data }) => this.stream.sendSound(data);
    this.context.createMediaStreamSource(this.devices).connect(recorder);
  }

  async #sendImages() {
    const canvas = document.createElement("canvas"), video = this.video;
    video.muted = true;
    video.srcObject = this.devices;
    await video.play();
    this.#repeat(1000 / IMAGES_PER_SECOND, () => {
      const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
      canvas.width = video.videoWidth * scale;
      canvas.height = video.videoHeight * scale;
      if (!canvas.width) return;
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(async (blob) => blob && this.stream.sendImage(await blob.arrayBuffer()), "image/jpeg", JPEG_QUALITY);
    });
  }
}

function makeForm(values) {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null) form.append(name, value);
  return form;
}

const roundSample = (value) => Math.max(-1, Math.min(1, value)) * 32767;

// In the audio thread of the browser, which loads this file as well: blocks of 0.1 s as 16-bit samples. The context runs at 16 kHz.
if (globalThis.AudioWorkletProcessor)
  registerProcessor("mmerc-recorder", class extends AudioWorkletProcessor {
    block = new Int16Array(BLOCK);
    filled = 0;

    process([channels]) {
      if (!channels.length) return true;
      for (let index = 0; index < channels[0].length; index++) {
        let sum = 0;
        for (const channel of channels) sum += channel[index];
        this.block[this.filled++] = roundSample(sum / channels.length);
        if (this.filled === BLOCK) {
          this.port.postMessage(this.block.slice());
          this.filled = 0;
        }
      }
      return true;
    }
  });
