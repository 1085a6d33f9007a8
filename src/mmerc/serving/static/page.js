"use strict";
// The tabs, the access token, and recordings: upload, ask how far it is, show the timeline.

const $ = (id) => document.getElementById(id);
const POLL = 700;  // milliseconds

const access = {
  token: sessionStorage.getItem("token") || "",
  headers() { return this.token ? { Authorization: `Bearer ${this.token}` } : {}; },
};

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: access.headers() });
  if (response.status === 401) $("login").hidden = false;
  const found = await response.json().catch(() => ({ detail: `the service answered ${response.status}.` }));
  if (!response.ok) throw new Error(found.detail);
  return found;
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  access.token = $("token").value;
  sessionStorage.setItem("token", access.token);
  $("login").hidden = true;
  welcome();
});

function say(text, wrong = false) {
  $("state").textContent = text;
  $("state").classList.toggle("wrong", wrong);
}

async function welcome() {
  try {
    const model = await ask("/v1/model");
    say(`The model reads ${model.modalities.join(", ")} and tells ${model.labels.join(", ")} apart.`);
  } catch (error) { say(error.message, true); }
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function show(tab) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", chosen);
    each.tabIndex = chosen ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = !chosen;
  }
  tab.focus();
}
for (const tab of tabs) {
  tab.addEventListener("click", () => show(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") show(tabs[1 - tabs.indexOf(tab)]);
  });
}

let chosen = null, job = null;
function choose(file) {
  chosen = file;
  $("transcript").value = "";  // another recording has other words
  $("send").disabled = !file;
  $("drop").querySelector("span").textContent = file ? file.name : "Drop a video or a sound file here, or choose one";
}
$("file").addEventListener("change", () => choose($("file").files[0] || null));
for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
  $("drop").addEventListener(kind, (event) => { event.preventDefault(); $("drop").classList.toggle("over", over); });
$("drop").addEventListener("drop", (event) => { if (event.dataTransfer.files.length) choose(event.dataTransfer.files[0]); });
$("cancel").addEventListener("click", () => { if (job) ask(job, { method: "DELETE" }).catch(() => {}); });

$("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData();
  form.append("recording", chosen);
  if ($("transcript").files[0]) form.append("transcript", $("transcript").files[0]);
  form.append("explain", $("explain").checked);
  $("send").disabled = true;
  $("timeline").replaceChildren();
  $("media").hidden = true;
  $("progress").hidden = false;
  $("progress").removeAttribute("value");
  say("Sending …");
  try {
    const model = await ask("/v1/model");
    job = (await ask("/v1/conversations", { method: "POST", body: form })).url;
    $("cancel").hidden = false;
    await finished(model);
  } catch (error) { say(error.message, true); }
  job = null;
  $("cancel").hidden = $("progress").hidden = true;
  $("send").disabled = false;
});

async function finished(model) {
  for (;;) {
    const now = await ask(job);
    if (now.state === "failed") throw new Error(now.error);
    if (now.state === "cancelled") { say("Stopped."); return; }
    if (now.state === "done") {
      const media = $("media");
      if (media.src) URL.revokeObjectURL(media.src);
      media.src = URL.createObjectURL(chosen);
      media.hidden = false;
      showTimeline($("timeline"), { rows: now.rows, ...model }, media);
      const count = now.problems.length === 1 ? "1 problem" : `${now.problems.length} problems`;
      const left = now.problems.length ? ` The transcript has ${count}: ${now.problems[0]}.` : "";
      say(`${now.rows.length} utterance${now.rows.length === 1 ? "" : "s"}.${left}`);
      return;
    }
    if (now.total) { $("progress").max = now.total; $("progress").value = now.done; }
    say(now.state === "waiting" ? "Waiting for others …" : now.total ? `${now.done} of ${now.total} utterances` : "Listening for speech …");
    await new Promise((go) => setTimeout(go, POLL));
  }
}

welcome();
