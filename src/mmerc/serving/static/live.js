"use strict";
// The live tab: sends camera and microphone to the service and shows its predictions. Each device works without the other.

const SOUND = 1, IMAGE = 2;  // the first byte of a binary message
const IMAGES_PER_SECOND = 5, MAX_SIDE = 640, JPEG_QUALITY = .85;
const SAMPLE_RATE = 16000;
const ENROLMENT_SECONDS = 5;
const SPEAKER_COLOURS = ["#332288", "#117733", "#882255", "#44aa99", "#999933", "#aa4499", "#661100", "#6699cc"];  // Tol's muted ones, not those of the emotions
const MILLISECONDS_WITHOUT_SOUND = 4000;  // length of an utterance if there is no microphone

const live = { socket: null, devices: null, context: null, timers: [], model: null, problem: "", items: new Map(), rows: new Map(), speakers: new Map() };  // by number of the utterance; colours by name
const showLiveStatus = (text) => { $("live-status").textContent = text; };
const isOpen = () => live.socket?.readyState === WebSocket.OPEN;
const sendMessage = (message) => { if (isOpen()) live.socket.send(JSON.stringify(message)); };

async function openDevices(useCamera, useMicrophone) {
  const wanted = { video: useCamera && { width: MAX_SIDE }, audio: useMicrophone && { echoCancellation: true } };
  if (!useCamera && !useMicrophone) return new MediaStream();
  if (!navigator.mediaDevices)  // browsers hide the devices from pages of other machines without TLS
    throw new Error("The browser gives camera and microphone only to https pages and to localhost: open one of these, or type what is said.");
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {  // one of them is missing or was refused: use the other
    for (const part of useCamera && useMicrophone ? [{ audio: wanted.audio }, { video: wanted.video }] : [])
      try { return await navigator.mediaDevices.getUserMedia(part); } catch { /* nor this one */ }
    throw new Error(`Camera and microphone cannot be used (${error.message}): allow them, or type what is said.`);
  }
}

function sendBytes(kind, buffer) {
  if (!isOpen()) return;
  const message = new Uint8Array(buffer.byteLength + 1);
  message[0] = kind;
  message.set(new Uint8Array(buffer), 1);
  live.socket.send(message);
}

async function sendSound(devices) {
  live.context = new AudioContext({ sampleRate: SAMPLE_RATE });
  await live.context.audioWorklet.addModule("static/recorder.js");
  const recorder = new AudioWorkletNode(live.context, "recorder");
  recorder.port.onmessage = ({ data }) => sendBytes(SOUND, data.buffer);
  live.context.createMediaStreamSource(devices).connect(recorder);
}

async function sendImages(devices) {
  const camera = $("camera"), canvas = document.createElement("canvas");
  camera.srcObject = devices;
  camera.hidden = false;
  await camera.play();
  live.timers.push(setInterval(() => {
    const scale = Math.min(1, MAX_SIDE / Math.max(camera.videoWidth, camera.videoHeight, 1));
    canvas.width = camera.videoWidth * scale;
    canvas.height = camera.videoHeight * scale;
    if (!canvas.width) return;
    canvas.getContext("2d").drawImage(camera, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(async (blob) => blob && sendBytes(IMAGE, await blob.arrayBuffer()), "image/jpeg", JPEG_QUALITY);
  }, 1000 / IMAGES_PER_SECOND));
}

// Marks a name with a dot of a colour that no other speaker has.
function markSpeaker(node, name) {
  if (!name) return node;
  node.classList.add("who");
  if (!live.speakers.has(name)) live.speakers.set(name, SPEAKER_COLOURS[live.speakers.size % SPEAKER_COLOURS.length]);
  node.style.setProperty("--who", live.speakers.get(name));
  return node;
}

const showListening = () => showLiveStatus(live.problem || "Listening …");

function showPrediction(row) {
  $("latest").hidden = false;
  $("latest").classList.toggle("interim", !row.final);
  const described = describePrediction(row, live.model);
  markSpeaker(described.firstChild, row.speaker);
  $("latest").replaceChildren(described, drawProbabilities(row, live.model));
  if (!row.final) { showLiveStatus("A voice is heard … the answer so far:"); return; }
  showListening();
  const item = setEvidence(create("li"), row, live.model), evidence = rateEvidence(row, live.model);
  const found = evidence === "none" ? NO_EVIDENCE
    : `${row.emotion} ${formatPercent(row.confidence)}${evidence === "uncertain" ? ", uncertain" : ""}`;
  const source = row.modalities.length ? row.modalities.join(", ") : "no modality";
  item.append(create("span", formatTime(row.start)), markSpeaker(create("span", row.speaker), row.speaker));
  for (const text of [found, row.text || "", `${source} · ${row.seconds.toFixed(2)} s`]) item.append(create("span", text));
  const earlier = row.revised && live.items.get(row.utterance);
  if (earlier) earlier.replaceWith(item);
  else $("predictions").prepend(item);
  live.items.set(row.utterance, item);
  const { type, seconds, final, revised, words, ...saved } = row;  // the rest is a row of mmerc predict
  live.rows.set(row.utterance, saved);
  offerDownloads([...live.rows.values()]);
}

const LIVE_FIELDS = ["utterance", "speaker", "text", "start", "end", "emotion", "confidence"];
function offerDownloads(rows) {
  const columns = [...LIVE_FIELDS.map((name) => ({ name, path: [name] })),
    ...live.model.labels.map((label) => ({ name: `p_${label}`, path: ["probabilities", label] }))];
  $("live-downloads").replaceChildren(drawDownloads(rows, columns, new RegExp(settings.formula)));
}

function handleMessage(message) {
  if (message.type === "ready") {
    live.model = message.model;
    $("live-legend").replaceChildren(drawLegend(message.model));
    $("enrol-form").hidden = !message.speakers || Boolean($("speaker").value);
    showListening();
  } else if (message.type === "speech") showLiveStatus("A voice is heard …");
  else if (message.type === "prediction") showPrediction(message);
  else if (message.type === "enrolled") showLiveStatus(`The voice of ${message.name} is known.`);
  else if (message.type === "error") showLiveStatus(message.detail);
}

async function start() {
  $("start").disabled = true;
  live.problem = "";
  live.items.clear();
  live.rows.clear();
  live.speakers.clear();
  $("live-downloads").replaceChildren();
  try {
    live.devices = await openDevices($("use-camera").checked, $("use-microphone").checked);
  } catch (error) {
    live.problem = error.message;
    live.devices = new MediaStream();
  }
  showLiveStatus(live.problem || "Connecting …");
  const address = new URL("v1/stream", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = live.socket = new WebSocket(address);
  socket.onmessage = ({ data }) => handleMessage(JSON.parse(data));
  socket.onclose = ({ reason }) => { if (socket === live.socket) stop(reason); };  // not of an earlier stream
  socket.onopen = async () => {
    const hasSound = live.devices.getAudioTracks().length > 0, hasImages = live.devices.getVideoTracks().length > 0;
    sendMessage({ type: "start", token: access.token, speaker: $("speaker").value, explain: true });
    enableControls(true);
    if (hasSound) await sendSound(live.devices);
    if (hasImages) await sendImages(live.devices);
    if (hasImages && !hasSound) live.timers.push(setInterval(() => sendMessage({ type: "end" }), MILLISECONDS_WITHOUT_SOUND));
  };
}

function enableControls(isRunning) {
  $("start").disabled = isRunning;
  for (const node of [$("stop"), $("text"), $("text-form").querySelector("button")]) node.disabled = !isRunning;
}

function stop(reason = "") {
  live.timers.splice(0).forEach(clearInterval);
  live.devices?.getTracks().forEach((track) => track.stop());
  live.context?.close();
  live.context = live.devices = null;
  $("camera").hidden = $("enrol-form").hidden = true;
  sendMessage({ type: "stop" });  // the last prediction still arrives
  enableControls(false);
  showLiveStatus(reason ? `Closed: ${reason}` : "Stopped.");
}

$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => stop());
$("text-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  sendMessage({ type: "text", text, speaker: $("speaker").value });
  sendMessage({ type: "end" });
  $("text").value = "";
});
$("enrol-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("enrol-name").value.trim();
  if (!name) return;
  sendMessage({ type: "enrol", name, seconds: ENROLMENT_SECONDS });
  showLiveStatus(`Listening to the voice of ${name} for ${ENROLMENT_SECONDS} seconds …`);
  $("enrol-name").value = "";
});
