// The live tab: sends camera and microphone to the service and shows its predictions. Each device works without the other.

import { Capture, openDevices } from "./client.js";
import { $, client, settings } from "./page.js";

const ENROLMENT_SECONDS = 5;
const SPEAKER_COLOURS = ["#332288", "#117733", "#882255", "#44aa99", "#999933", "#aa4499", "#661100", "#6699cc"];  // Tol's muted ones, not those of the emotions

const live = { stream: null, capture: null, model: null, problem: "", items: new Map(), rows: new Map(), speakers: new Map() };  // by number of the utterance; colours by name
const showLiveStatus = (text) => { $("live-status").textContent = text; };

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

function showReady(message) {
  live.model = message.model;
  $("live-legend").replaceChildren(drawLegend(message.model));
  $("enrol-form").hidden = !message.speakers || Boolean($("speaker").value);
  showListening();
}

async function start() {
  $("start").disabled = true;
  live.problem = "";
  live.items.clear();
  live.rows.clear();
  live.speakers.clear();
  $("live-downloads").replaceChildren();
  let devices = new MediaStream();
  try {
    devices = await openDevices({ camera: $("use-camera").checked, microphone: $("use-microphone").checked });
  } catch (error) { live.problem = error.message; }
  showLiveStatus(live.problem || "Connecting …");
  const stream = live.stream = client.openStream({ speaker: $("speaker").value, explain: true });
  live.capture = new Capture(stream, devices, { video: $("camera") });
  for (const [name, handle] of Object.entries({
    ready: showReady,
    speech: () => showLiveStatus("A voice is heard …"),
    prediction: showPrediction,
    enrolled: (message) => showLiveStatus(`The voice of ${message.name} is known.`),
    error: (message) => showLiveStatus(message.detail),
    close: ({ reason }) => { if (stream === live.stream) stop(reason); },  // not of an earlier stream
  })) stream.addEventListener(name, ({ detail }) => handle(detail));
  stream.addEventListener("open", async () => {
    enableControls(true);
    $("camera").hidden = !devices.getVideoTracks().length;
    await live.capture.start();
  });
}

function enableControls(isRunning) {
  $("start").disabled = isRunning;
  for (const node of [$("stop"), $("text"), $("text-form").querySelector("button")]) node.disabled = !isRunning;
}

function stop(reason = "") {
  live.capture?.stop();
  live.capture = null;
  $("camera").hidden = $("enrol-form").hidden = true;
  live.stream.stop();  // the last prediction still arrives
  enableControls(false);
  showLiveStatus(reason ? `Closed: ${reason}` : "Stopped.");
}

$("start").addEventListener("click", start);
$("stop").addEventListener("click", () => stop());
$("text-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  live.stream.sendText(text, { speaker: $("speaker").value });
  live.stream.endUtterance();
  $("text").value = "";
});
$("enrol-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("enrol-name").value.trim();
  if (!name) return;
  live.stream.enrol(name, { seconds: ENROLMENT_SECONDS });
  showLiveStatus(`Listening to the voice of ${name} for ${ENROLMENT_SECONDS} seconds …`);
  $("enrol-name").value = "";
});
