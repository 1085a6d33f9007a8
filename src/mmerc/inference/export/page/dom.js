// Small helpers: elements, numbers as text, colours, files to save.

export const create = (tag, text = "", attributes = {}) => {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

export const formatPercent = (probability) => `${(100 * probability).toFixed(0)}\u00a0%`;
export const formatTime = (seconds) => {
  if (seconds === null) return "";
  const tenths = Math.round(10 * seconds), minutes = Math.floor(tenths / 600), hours = Math.floor(minutes / 60);
  const rest = ((tenths - 600 * minutes) / 10).toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
};
export const nameSpeaker = (row) => row.speaker || "unknown speaker";
export const formatCount = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const LUMA = [.2126, .7152, .0722];  // of red, green and blue, in linear light (WCAG 2)
const EQUAL_CONTRAST = .179;  // the luminance on which black and white text have the same contrast
const linearise = (value) => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
const isLight = (colour) => LUMA.reduce(
  (sum, weight, index) => sum + weight * linearise(parseInt(colour.slice(2 * index + 1, 2 * index + 3), 16) / 255), 0,
) > EQUAL_CONTRAST;

export function setColour(node, label, model) {
  node.style.setProperty("--colour", model.colours[label]);
  node.style.setProperty("--on", isLight(model.colours[label]) ? "#000" : "#fff");
  return node;
}

export function download(name, text, type) {
  const link = create("a", "", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

// A button; `onClick` runs when it is pressed.
export function createButton(text, onClick, attributes = {}) {
  const button = create("button", text, { type: "button", ...attributes });
  button.addEventListener("click", onClick);
  return button;
}

// A control with a visible label in front of it.
export function addLabel(text, control) {
  const label = create("label", `${text} `);
  label.append(control);
  return label;
}

export function createSelect(options) {
  const select = create("select");
  for (const [value, text] of options) select.append(create("option", text, { value }));
  return select;
}

// Calls `draw` once before the next frame, however often it is asked for.
export function createScheduler(draw) {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => { isPlanned = false; draw(); });
  };
}
