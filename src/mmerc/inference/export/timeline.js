"use strict";
// Emotions on a timeline. Shared by the page that `mmerc predict --html` writes and the one that `mmerc serve` shows;
// `look` is { colours: {label: "#rrggbb"}, labels: [label] }, `rows` are those of `mmerc predict`.

const make = (tag, text = "", attributes = {}) => {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};
const percent = (p) => `${(100 * p).toFixed(0)} %`;
const clock = (s) => s === null ? "" : `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;
const light = (colour) => [1, 3, 5].reduce((sum, at, place) => sum + [.3, .59, .11][place] * parseInt(colour.slice(at, at + 2), 16), 0) > 100;
const coloured = (node, label, look) => {
  node.style.setProperty("--colour", look.colours[label]);
  node.style.setProperty("--on", light(look.colours[label]) ? "#000" : "#fff");
  return node;
};

function legend(look) {
  const box = make("div", "", { class: "legend", role: "group", "aria-label": "Colours" });
  for (const label of look.labels) box.append(coloured(make("span", label), label, look));
  return box;
}

function bars(row, look) {
  const said = look.labels.map((l) => `${l} ${percent(row.probabilities[l])}`).join(", ");
  const box = make("div", "", { class: "bars", role: "img", "aria-label": said });
  for (const label of look.labels) {
    const bar = coloured(make("i"), label, look);
    bar.style.width = `${100 * row.probabilities[label]}%`;
    box.append(make("span", label), bar, make("em", percent(row.probabilities[label])));
  }
  return box;
}

function words(row) {
  const said = make("div");
  said.append(make("b", `${row.speaker || "somebody"}  ${clock(row.start)}`), make("blockquote", row.text || "(no words known)"),
    make("div", row.modalities.length ? `from ${row.modalities.join(", ")}` : "nothing could be seen, heard or read: the frequencies of training"));
  for (const [name, reason] of Object.entries(row.missing || {})) said.append(make("div", `no ${name}: ${reason}`, { class: "soft" }));
  for (const [name, moved] of Object.entries(row.influence || {}))
    said.append(make("div", `${name} ${moved < 0 ? "takes" : "adds"} ${Math.abs(100 * moved).toFixed(0)} points ${moved < 0 ? "from" : "to"} ${row.emotion}`));
  const asked = Object.entries(row.attention || {}).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  for (const [pair, moved] of asked.slice(0, 2)) {
    const [source, target] = pair.split("->");
    said.append(make("div", `what ${target} takes from ${source}: ${moved < 0 ? "−" : "+"}${Math.abs(100 * moved).toFixed(0)} points`, { class: "soft" }));
  }
  return said;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];  // seconds between two marks
function axis(begin, whole) {
  const lane = make("div", "", { class: "axis", "aria-hidden": "true" }), marks = make("div", "", { class: "marks" });
  const step = STEPS.find((each) => whole / each <= 8) || 3600 * Math.ceil(whole / 28800);
  for (let at = Math.ceil(begin / step) * step; at <= begin + whole; at += step) {
    const mark = make("span", clock(at).slice(0, -2));
    mark.style.left = `${100 * (at - begin) / whole}%`;
    marks.append(mark);
  }
  lane.append(make("b"), marks);
  return lane;
}

function showDialogue(name, turns, look, media) {
  const section = make("section");
  const timed = turns.every((row) => row.start !== null && row.end !== null);
  const begin = timed ? Math.min(...turns.map((row) => row.start)) : 0;
  const whole = timed ? Math.max(...turns.map((row) => row.end)) - begin || 1 : turns.length;
  const detail = make("div", "", { class: "detail", "aria-live": "polite" });
  const blocks = [];
  const select = (number) => {
    blocks.forEach((block, place) => block.setAttribute("aria-pressed", place === number));
    detail.replaceChildren(words(turns[number]), bars(turns[number], look));
  };
  section.append(make("h2", `Conversation ${name}`));
  for (const speaker of new Set(turns.map((row) => row.speaker))) {
    const lane = make("div", "", { class: "lane" });
    const track = make("div", "", { class: "track" });
    turns.forEach((row, number) => {
      if (row.speaker !== speaker) return;
      const block = coloured(make("button", "", { type: "button", "aria-pressed": "false",
        "aria-label": `${row.speaker || "somebody"} ${clock(row.start)}: ${row.emotion} ${percent(row.probabilities[row.emotion])}. ${row.text || ""}`,
        title: look.labels.map((l) => `${l} ${percent(row.probabilities[l])}`).join("\n") }), row.emotion, look);
      block.append(make("span", row.emotion));
      if (!row.modalities.length) block.classList.add("none");
      const from = timed ? row.start - begin : number, length = timed ? row.end - row.start : 1;
      block.style.left = `${100 * from / whole}%`;
      block.style.width = `${100 * length / whole}%`;
      block.addEventListener("mouseenter", () => select(number));
      block.addEventListener("focus", () => select(number));
      block.addEventListener("click", () => { select(number); if (media && row.start !== null) { media.currentTime = row.start; media.play(); } });
      blocks[number] = block;
      track.append(block);
    });
    lane.append(make("b", speaker || "somebody", { title: speaker }), track);
    section.append(lane);
  }
  if (timed) section.append(axis(begin, whole));
  section.append(detail, table(turns, timed));
  select(0);
  if (media && timed) media.addEventListener("timeupdate", () => {
    const now = turns.findIndex((row) => row.start <= media.currentTime && media.currentTime < row.end);
    if (now >= 0 && blocks[now].getAttribute("aria-pressed") !== "true") select(now);
  });
  return section;
}

function table(turns, timed) {
  const whole = make("table"), head = make("thead"), titles = make("tr"), body = make("tbody");
  for (const title of ["time", "speaker", "text", "emotion", "probability", "from"]) titles.append(make("th", title, { scope: "col" }));
  for (const row of turns) {
    const line = make("tr");
    for (const cell of [timed ? `${clock(row.start)} – ${clock(row.end)}` : `${row.utterance}`, row.speaker, row.text || "", row.emotion, percent(row.probabilities[row.emotion]), row.modalities.join(", ")]) line.append(make("td", cell));
    body.append(line);
  }
  head.append(titles);
  whole.append(head, body);
  const scroll = make("div", "", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All utterances" });
  scroll.append(whole);
  return scroll;
}

function save(name, text, type) {
  const link = make("a", "", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function savers(rows, look) {
  const box = make("div", "", { class: "tools" });
  const csv = make("button", "Save as CSV", { type: "button" }), json = make("button", "Save as JSON", { type: "button" });
  // A cell that begins like a formula would be one in a spreadsheet.
  const cell = (value) => `"${String(value ?? "").replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`;
  csv.addEventListener("click", () => {
    const plain = ["split", "dialogue", "utterance", "speaker", "text", "start", "end", "emotion"];
    const lines = [[...plain, "modalities", ...look.labels.map((l) => `p_${l}`)].join(",")];
    for (const row of rows) lines.push([...plain.map((name) => cell(row[name])), cell(row.modalities.join(" ")), ...look.labels.map((l) => row.probabilities[l])].join(","));
    save("emotions.csv", lines.join("\n") + "\n", "text/csv");
  });
  json.addEventListener("click", () => save("emotions.json", JSON.stringify(rows, null, 1), "application/json"));
  box.append(csv, json);
  return box;
}

function showTimeline(place, { rows, colours, labels }, media) {
  const look = { colours, labels };
  const dialogues = new Map();
  for (const row of rows) {
    const key = `${row.split}/${row.dialogue}`;
    dialogues.set(key, [...(dialogues.get(key) || []), row]);
  }
  place.replaceChildren(legend(look));
  for (const turns of dialogues.values()) place.append(showDialogue(turns[0].dialogue, turns, look, media));
  place.append(savers(rows, look));
}
