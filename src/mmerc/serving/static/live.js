"use strict";
// Camera and microphone to the service, its answers on the page. Each works without the other.

const SOUND = 1, PICTURE = 2;  // the first byte of a message
const PICTURES_A_SECOND = 5, LARGEST_SIDE = 640;
const WITHOUT_SOUND = 4000;  // milliseconds that count as an utterance where nobody can be heard

const live = { socket: null, stream: null, context: null, timers: [], model: null };
const tell = (text) => { $("live-state").textContent = text; };

async function devices(camera, microphone) {
  const wanted = { video: camera && { width: LARGEST_SIDE }, audio: microphone && { echoCancellation: true } };
  if (!camera && !microphone) return new MediaStream();
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {  // one of them is absent or refused: go on with the other
    for (const part of camera && microphone ? [{ audio: wanted.audio }, { video: wanted.video }] : [])
      try { return await navigator.mediaDevices.getUserMedia(part); } catch { /* nor this one */ }
    throw new Error(`neither camera nor microphone can be used (${error.message}): type what is said, or allow them.`);
  }
}

function send(kind, bytes) {
  if (live.socket?.readyState !== WebSocket.OPEN) return;
  const message = new Uint8Array(bytes.byteLength + 1);
  message[0] = kind;
  message.set(new Uint8Array(bytes), 1);
  live.socket.send(message);
}

async function listen(stream) {
  live.context = new AudioContext({ sampleRate: 16000 });
  await live.context.audioWorklet.addModule("/page/recorder.js");
  const recorder = new AudioWorkletNode(live.context, "recorder");
  recorder.port.onmessage = ({ data }) => send(SOUND, data.buffer);
  live.context.createMediaStreamSource(stream).connect(recorder);
}

async function watch(stream) {
  const camera = $("camera"), canvas = document.createElement("canvas");
  camera.srcObject = stream;
  camera.hidden = false;
  await camera.play();
  live.timers.push(setInterval(() => {
    const scale = Math.min(1, LARGEST_SIDE / Math.max(camera.videoWidth, camera.videoHeight, 1));
    canvas.width = camera.videoWidth * scale;
    canvas.height = camera.videoHeight * scale;
    if (!canvas.width) return;
    canvas.getContext("2d").drawImage(camera, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(async (blob) => blob && send(PICTURE, await blob.arrayBuffer()), "image/jpeg", .85);
  }, 1000 / PICTURES_A_SECOND));
}

function answer(row) {
  tell("Listening …");
  const now = $("now");
  now.hidden = false;
  now.replaceChildren(words(row), bars(row, live.model));
  const item = coloured(make("li"), row.emotion, live.model);
  for (const text of [clock(row.start), `${row.emotion} ${percent(row.probabilities[row.emotion])}`, row.text || "", `${row.modalities.join(", ")} · ${row.seconds.toFixed(2)} s`]) item.append(make("span", text));
  $("answers").prepend(item);
}

function heard(message) {
  if (message.type === "ready") {
    live.model = message.model;
    $("live-legend").replaceChildren(legend(message.model));
    tell("Listening …");
  } else if (message.type === "speech") tell("Somebody speaks …");
  else if (message.type === "answer") answer(message);
  else tell(message.error);
}

async function start() {
  $("start").disabled = true;
  try {
    live.stream = await devices($("use-camera").checked, $("use-microphone").checked);
  } catch (error) {
    tell(error.message);
    live.stream = new MediaStream();
  }
  const socket = live.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream`);
  socket.onmessage = ({ data }) => heard(JSON.parse(data));
  socket.onclose = ({ reason }) => { if (socket === live.socket) stop(reason); };  // not of a stream before this one
  socket.onopen = async () => {
    const audio = live.stream.getAudioTracks().length > 0, video = live.stream.getVideoTracks().length > 0;
    socket.send(JSON.stringify({ type: "start", token: access.token, speaker: $("speaker").value, explain: true }));
    setButtons(true);
    if (audio) await listen(live.stream);
    if (video) await watch(live.stream);
    if (video && !audio) live.timers.push(setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('{"type": "end"}'), WITHOUT_SOUND));
  };
}

function setButtons(running) {
  $("start").disabled = running;
  for (const node of [$("stop"), $("words"), $("say").querySelector("button")]) node.disabled = !running;
}

function stop(reason = "") {
  live.timers.splice(0).forEach(clearInterval);
  live.stream?.getTracks().forEach((track) => track.stop());
  live.context?.close();
  live.context = live.stream = null;
  $("camera").hidden = true;
  if (live.socket?.readyState === WebSocket.OPEN) live.socket.send('{"type": "stop"}');  // the last answer still comes
  setButtons(false);
  tell(reason ? `Closed: ${reason}` : "Stopped.");
}

$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => stop());
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("words").value.trim();
  if (!text) return;
  live.socket.send(JSON.stringify({ type: "text", text, speaker: $("speaker").value }));
  live.socket.send('{"type": "end"}');
  $("words").value = "";
});
