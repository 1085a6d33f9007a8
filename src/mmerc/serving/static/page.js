// The tabs, the access token, and recordings: upload, show the progress, show the timeline.
// All addresses are relative to the page, so that it works behind a proxy below a prefix.

import { Client } from "./client.js";

export const $ = (id) => document.getElementById(id);
const DROP_HINT = "Drop a video or audio file here, or choose one";
export const settings = JSON.parse($("settings").textContent);

export const client = new Client(document.baseURI, { token: sessionStorage.getItem("token") || "" });

function showError(error) {
  if (error.status === 401) $("login").hidden = false;
  showStatus(error.message, true);
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  client.token = $("token").value;
  sessionStorage.setItem("token", client.token);
  $("login").hidden = true;
  describeModel();
});

function showStatus(text, isError = false) {
  $("status").textContent = text;
  $("status").classList.toggle("error", isError);
}

async function describeModel() {
  try {
    const model = await client.getModel();
    $("origin").textContent = model.origin;
    $("warning").textContent = model.warning;
    $("warning").hidden = !model.warning;
    showStatus(`The model reads ${model.modalities.join(", ")} and predicts one of ${model.labels.join(", ")}.`);
  } catch (error) { showError(error); }
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function selectTab(selected) {
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", tab === selected);
    tab.tabIndex = tab === selected ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = tab !== selected;
  }
  selected.focus();
}
for (const tab of tabs) {
  tab.addEventListener("click", () => selectTab(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") selectTab(tabs[1 - tabs.indexOf(tab)]);
  });
}

let recording = null, jobId = null;  // the session keeps the ID of the job, so that a reload of the page shows it again
function selectRecording(file) {
  recording = file;
  $("transcript").value = "";  // a transcript belongs to one recording
  $("send").disabled = !file;
  $("drop").querySelector("span").textContent = file ? file.name : DROP_HINT;
}
$("file").addEventListener("change", () => selectRecording($("file").files[0] || null));
for (const [type, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]])
  $("drop").addEventListener(type, (event) => { event.preventDefault(); $("drop").classList.toggle("over", isOver); });
$("drop").addEventListener("drop", (event) => { if (event.dataTransfer.files.length) selectRecording(event.dataTransfer.files[0]); });
$("cancel").addEventListener("click", () => { if (jobId) client.deleteJob(jobId).catch(() => {}); });

$("erase").addEventListener("click", async () => {
  await client.erase(sessionStorage.getItem("job")).catch(() => {});
  sessionStorage.removeItem("job");
  $("timeline").replaceChildren();
  $("erase").hidden = $("media").hidden = true;
  showStatus("Deleted.");
});

$("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("send").disabled = true;
  $("timeline").replaceChildren();
  $("media").hidden = true;
  $("erase").hidden = true;
  $("progress").hidden = false;
  $("progress").removeAttribute("value");
  showStatus("Uploading …");
  try {
    const options = { transcript: $("transcript").files[0], explain: $("explain").checked };
    sessionStorage.setItem("job", await client.startRecording(recording, options));
    await showJob();
  } catch (error) { showError(error); }
  $("progress").hidden = true;
  $("send").disabled = false;
});

async function showJob() {
  jobId = sessionStorage.getItem("job");
  $("cancel").hidden = $("progress").hidden = false;
  try {
    const model = await client.getModel(), job = await client.waitForJob(jobId, { onProgress: showProgress });
    if (job.state === "failed") throw new Error(job.error);
    if (job.state === "cancelled") { sessionStorage.removeItem("job"); showStatus("Cancelled."); } else showResult(job, model);
  } finally {
    jobId = null;
    $("cancel").hidden = $("progress").hidden = true;
  }
}

function showProgress(job) {
  if (job.total) { $("progress").max = job.total; $("progress").value = job.done; }
  showStatus(job.state === "waiting" ? "Waiting for other recordings …"
    : job.total ? `${job.done} of ${job.total} utterances` : "Searching for speech …");
}

function showResult(job, model) {
  const media = $("media"), count = job.rows.length, unusable = job.problems.length;
  if (media.src) URL.revokeObjectURL(media.src);
  if (recording) media.src = URL.createObjectURL(recording);
  media.hidden = !recording;  // after a reload the page has the result, but not the file
  showTimeline($("timeline"), { rows: job.rows, columns: job.columns, formula: settings.formula, recording: recording?.name ?? "", ...model }, recording && media);
  $("erase").hidden = false;
  showStatus(`${count} utterance${count === 1 ? "" : "s"}.`
    + (unusable ? ` ${unusable} problem${unusable === 1 ? "" : "s"} in the transcript; the first: ${job.problems[0]}` : ""));
}

describeModel().then(() => {
  if (sessionStorage.getItem("job")) return showJob();
}).catch((error) => { sessionStorage.removeItem("job"); showError(error); });
