"use strict";
// Draws the timeline of the page from the JSON in #data. Times are seconds since the run began.
// One canvas, drawn anew for every change: what is narrower than a pixel is drawn once for each pixel, so
// that a book of 50,000 chunks moves as smoothly as one of ten.
(() => {

const STATUSES = ["ok", "flagged", "pause", "failed", "not reached"];
const ENDS = ["finished", "failed", "too long", "cancelled", "died", "killed"];
const AXIS = 24, BUFFER = 92, LABEL = 20, GAP = 8;  // heights, in pixels
const LISTED = 50;  // chunks on a page of the list

const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const canvas = $("chart"), ink = canvas.getContext("2d");

// ---------------------------------------------------------------- the data, as objects

const seconds = value => value == null ? null : value * data.unit;

const chunks = data.chunks.map(([index, text, status, audio, pause, queued, finished, stream, at, kept, sameAs, why]) => ({
  index, text, status: STATUSES[status] ?? "unknown", audio: seconds(audio), pause: seconds(pause),
  queued: seconds(queued), finished: seconds(finished), stream: stream || 0, at: seconds(at), kept: Boolean(kept),
  sameAs, why, attempts: [],
}));
const byIndex = data.streams.map(() => new Map());
for (const chunk of chunks) byIndex[chunk.stream].set(chunk.index, chunk);

const attempts = data.attempts.map(([index, worker, slot, start, first, length, end, stream, take, part, generation, text, why, hedge, decided]) => ({
  index, worker, slot, start: start * data.unit, first: first == null ? null : (start + first) * data.unit,
  end: length == null ? data.end : (start + length) * data.unit, how: ENDS[end] ?? "running", stream: stream || 0,
  take: take || 0, part: part ?? null, generation, text, why, hedge, decided, chunk: null, kind: "",
})).sort((one, other) => one.start - other.start || one.index - other.index);

attempts.forEach((attempt, number) => {
  attempt.number = number;
  let chunk = byIndex[attempt.stream].get(attempt.index);
  if (!chunk) {  // the run ended before this chunk did
    chunk = {index: attempt.index, text: attempt.text, status: "not reached", audio: null, stream: attempt.stream, attempts: []};
    byIndex[attempt.stream].set(chunk.index, chunk);
    chunks.push(chunk);
  }
  attempt.chunk = chunk;
  chunk.attempts.push(attempt);
});
chunks.forEach((chunk, number) => { chunk.number = number; });

// What a bar shows: how the attempt ended, and of one that finished, whether its audio was the last.
for (const attempt of attempts) {
  const later = attempt.chunk.attempts.some(other => other.number > attempt.number && other.how !== "cancelled"
    && (other.part === attempt.part || attempt.part === null));
  attempt.kind = attempt.how !== "finished" ? attempt.how : later ? "again"
    : attempt.chunk.status === "flagged" ? "flagged" : "finished";
}

const lanes = data.workers.map(worker => Array.from({length: worker.slots}, () => []));
for (const attempt of attempts) lanes[attempt.worker][attempt.slot].push(attempt);

const KINDS = {
  finished: {name: "finished", fill: "speech", glyph: ""},
  flagged: {name: "finished, in doubt", fill: "flagged", glyph: "?"},
  again: {name: "finished, then spoken again", fill: "again", lines: "rising", glyph: "↻"},
  "too long": {name: "too long, spoken in parts", fill: "parts", lines: "upright", glyph: "÷"},
  failed: {name: "failed", edge: "bad", lines: "crossed", glyph: "✕"},
  died: {name: "its worker died", fill: "bad", glyph: "†"},
  killed: {name: "its worker was ended", fill: "bad", lines: "rising", glyph: "†"},
  cancelled: {name: "cancelled", edge: "let-go", dashed: true, glyph: "–"},
  running: {name: "still running at the end", edge: "running", lines: "rising", glyph: "…"},
};

const problems = attempts.filter(attempt => attempt.kind !== "finished");

// ---------------------------------------------------------------- words

function duration(value) {
  if (value == null) return "none";
  if (value < 0.9995) return `${Number(value.toPrecision(3))} s`;
  return value < 59.95 ? `${value.toFixed(1)} s` : `${clock(value)} ${value < 3599.5 ? "min" : "h"}`;
}

function clock(value, decimals = 0) {
  const whole = Number(value.toFixed(decimals)), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A point in time, to the millisecond. */
const moment = value => value == null ? "?" : value < 60 ? `${value.toFixed(3)} s` : clock(value, 3);

const streamName = chunk => data.streams.length > 1 ? ` of ${data.streams[chunk.stream]}` : "";

function attemptWords(attempt) {
  const {worker, chunk} = attempt, slot = data.workers[worker].slots > 1 ? `, slot ${attempt.slot}` : "";
  const part = attempt.part === null ? "" : `part ${attempt.part + 1}, `;
  const take = attempt.take ? `take ${attempt.take + 1}, ` : "";
  const hedge = attempt.hedge ? "a second one beside a late one, " : "";
  const first = attempt.first === null ? "no audio" : `first audio at ${moment(attempt.first)}`;
  return `Attempt ${chunk.attempts.indexOf(attempt) + 1} of ${chunk.attempts.length}: ${part}${take}${hedge}${KINDS[attempt.kind].name}, `
    + `${data.workers[worker].name}${slot}, ${moment(attempt.start)} to ${moment(attempt.end)} `
    + `(${duration(attempt.end - attempt.start)}), ${first}${attempt.why ? `: ${attempt.why}` : ""}`
    + (attempt.decided ? ` (decided with ${attempt.decided})` : "");
}

function chunkWords(chunk) {
  const words = [`Chunk ${chunk.index}${streamName(chunk)}: ${chunk.status}`];
  if (chunk.audio) words.push(`${duration(chunk.audio)} of audio`);
  if (chunk.pause) words.push(`pause of ${duration(chunk.pause)}`);
  if (chunk.kept) words.push("kept from an earlier run");
  if (chunk.sameAs != null) words.push(`heard from chunk ${chunk.sameAs}, which has the same text`);
  if (chunk.queued != null) words.push(`waiting since ${moment(chunk.queued)}`);
  if (chunk.finished != null) words.push(`done at ${moment(chunk.finished)}`);
  return words.join(", ") + (chunk.why ? `: ${chunk.why}` : "");
}

// ---------------------------------------------------------------- where things are

const full = (data.end || 1) * 1.005;
const view = {from: 0, to: full};
const fromStart = full / 1e7;  // the least that can be looked at
let width = 300, rows = [], height = 0, scale = 1, paint = {}, selected = null, hovered = null, drawing = false;

const X = at => (at - view.from) / (view.to - view.from) * width;
const T = x => view.from + x / width * (view.to - view.from);

function layOut() {
  const count = lanes.reduce((sum, slots) => sum + slots.length, 0);
  const lane = count <= 24 ? 22 : count <= 80 ? 14 : 9;
  rows = [];
  let y = AXIS;
  for (const listener of data.listeners) {
    rows.push({listener, y, top: y + LABEL, bottom: y + LABEL + BUFFER});
    y += LABEL + BUFFER + GAP;
  }
  data.workers.forEach((worker, number) => {
    rows.push({worker, slots: lanes[number], lane, y, top: y + LABEL, bottom: y + LABEL + lane * worker.slots});
    y += LABEL + lane * worker.slots + GAP;
  });
  height = y;
  width = canvas.clientWidth || 300;
  scale = Math.min(window.devicePixelRatio || 1, 16000 / height);  // browsers draw no taller canvas
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
}

/** The number of the first item that is not before; `before` holds for the first of them and not for the rest. */
function firstNot(items, before) {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(items[middle])) low = middle + 1; else high = middle;
  }
  return low;
}

// ---------------------------------------------------------------- paint

function readPaint() {
  const style = getComputedStyle(document.documentElement);
  paint = {};
  for (const name of ["page", "ink", "soft", "line", "grid", "speech", "speech-ink", "mark", "again", "flagged", "bad", "parts",
    "let-go", "running", "loading", "buffer", "buffer-fill", "focus"]) paint[name] = style.getPropertyValue(`--${name}`).trim();
}

/** Lines to lay over a bar, or to fill one with. */
function lined(on, direction, colour) {
  const key = `${direction} ${colour}`;
  if (!paint[key]) {
    const tile = document.createElement("canvas"), side = tile.width = tile.height = 6, pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.beginPath();
    if (direction === "upright") { pen.moveTo(3, 0); pen.lineTo(3, side); }
    else for (const shift of [-side, 0, side]) {
      pen.moveTo(shift, side); pen.lineTo(shift + side, 0);
      if (direction === "crossed") { pen.moveTo(shift, 0); pen.lineTo(shift + side, side); }
    }
    pen.stroke();
    paint[key] = on.createPattern(tile, "repeat");
  }
  return paint[key];
}

function paintBar(on, kind, x, y, w, h) {
  const {fill, edge, lines, dashed} = KINDS[kind];
  if (fill) { on.fillStyle = paint[fill]; on.fillRect(x, y, w, h); }
  if (lines) { on.fillStyle = lined(on, lines, edge ? paint[edge] : paint.page); on.fillRect(x, y, w, h); }
  if (edge && w > 2) {
    on.strokeStyle = paint[edge];
    on.lineWidth = 1.5;
    on.setLineDash(dashed ? [3, 3] : []);
    on.strokeRect(x + 0.75, y + 0.75, w - 1.5, h - 1.5);
    on.setLineDash([]);
  } else if (edge) { on.fillStyle = paint[edge]; on.fillRect(x, y, w, h); }
}

function write(words, x, y, colour, room = Infinity, weight = "") {
  ink.font = `${weight} 12px system-ui, sans-serif`;
  if (ink.measureText(words).width > room) return false;
  ink.fillStyle = colour;
  ink.fillText(words, x, y);
  return true;
}

function draw() {
  drawing = false;
  ink.setTransform(scale, 0, 0, scale, 0, 0);
  ink.fillStyle = paint.page;
  ink.fillRect(0, 0, width, height);
  ink.textBaseline = "middle";
  drawAxis();
  for (const row of rows) if (row.listener) drawStalls(row.listener, AXIS, height - AXIS, 0.12);
  for (const row of rows) row.listener ? drawBuffer(row) : drawWorker(row);
  drawSelection();
}

const redraw = () => { if (!drawing) { drawing = true; requestAnimationFrame(draw); } };

function drawAxis() {
  const span = view.to - view.from, least = span / Math.max(2, width / 90);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map(times => times * power).concat(60, 120, 300, 600, 1800, 3600, 7200, 18000, 36000)
    .filter(each => each >= least && (each < 60 || each % 60 === 0)).sort((one, other) => one - other)[0] ?? least;
  const decimals = step >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step) - 1e-9));
  for (let number = Math.ceil(view.from / step); number * step <= view.to; number++) {
    const at = number * step, x = Math.round(X(at)) + 0.5;
    ink.fillStyle = paint.grid;
    ink.fillRect(x, AXIS - 4, 1, height - AXIS + 4);
    const words = at < 60 ? `${at.toFixed(decimals)} s` : clock(at, decimals);
    write(words, x + 3, AXIS / 2, paint.soft, width - x - 3);
  }
}

function drawStalls(listener, y, h, alpha) {
  const {stalls} = listener;
  let edge = -1;
  ink.globalAlpha = alpha;
  for (let i = firstNot(stalls, stall => stall[1] < view.from); i < stalls.length && stalls[i][0] < view.to; i++) {
    const from = Math.max(X(stalls[i][0]), edge, 0), to = Math.min(Math.max(X(stalls[i][1]), from + 1.5), width);
    if (to <= edge) continue;
    ink.fillStyle = alpha < 1 ? paint.bad : lined(ink, "crossed", paint.bad);
    ink.fillRect(from, y, to - from, h);
    edge = to;
  }
  ink.globalAlpha = 1;
}

function drawBuffer(row) {
  const {listener, top, bottom} = row, {points} = listener;
  const from = Math.max(0, firstNot(points, point => point[0] < view.from) - 1);
  let until = from, most = 1e-9;
  for (; until < points.length && points[until][0] <= view.to; until++) most = Math.max(most, points[until][2]);
  const Y = buffered => bottom - 1 - Math.min(1, buffered / most) * (BUFFER - 8);

  ink.beginPath();
  ink.moveTo(X(points[from][0]), Y(0));
  let low = 0, high = 0, pixel = null, last = null;
  const flush = () => { ink.lineTo(pixel, Y(low)); ink.lineTo(pixel, Y(high)); ink.lineTo(pixel, Y(last[2])); };
  const shrink = (point, at) => {  // it plays, down to nothing
    const dry = point[0] + point[2];
    if (dry < at) ink.lineTo(Math.round(X(dry)), Y(0));
    ink.lineTo(Math.round(X(at)), Y(Math.max(0, dry - at)));
  };
  for (let i = from; i < until; i++) {
    const point = points[i], x = Math.round(X(point[0]));
    if (x === pixel) { low = Math.min(low, point[1]); high = Math.max(high, point[2]); last = point; continue; }
    if (last) { flush(); shrink(last, point[0]); }
    [pixel, low, high, last] = [x, point[1], point[2], point];
  }
  if (last) {
    flush();
    shrink(last, points[until] ? points[until][0] : view.to);
    ink.lineTo(X(points[until] ? points[until][0] : view.to), Y(0));
  }
  ink.closePath();
  ink.fillStyle = paint["buffer-fill"];
  ink.fill();
  ink.strokeStyle = paint.buffer;
  ink.lineWidth = 1.5;
  ink.stroke();

  drawStalls(listener, top, bottom - top, 1);
  ink.fillStyle = paint.line;
  ink.fillRect(0, bottom, width, 1);
  const many = data.listeners.length > 1 ? ` of ${listener.stream}` : "";
  const stalls = listener.stalls.length, told = stalls === 1 ? "1 stall" : `${stalls.toLocaleString("en")} stalls`;
  const words = `Buffer of the listener${many}: up to ${duration(most)} here; ${stalls ? told : "no stalls"}`;
  write(words, 2, row.y + LABEL / 2, paint.ink, width - 4) || write(`Buffer${many}, up to ${duration(most)}`, 2, row.y + LABEL / 2, paint.ink);
  if (listener.first != null) {
    const x = X(listener.first), mark = `first audio ${duration(listener.first)}`;
    ink.strokeStyle = paint.ink;
    ink.lineWidth = 1.5;
    ink.setLineDash([4, 3]);
    ink.beginPath();
    ink.moveTo(x, top);
    ink.lineTo(x, bottom);
    ink.stroke();
    ink.setLineDash([]);
    if (x >= 0 && x <= width) {
      const space = ink.measureText(mark).width + 8, right = x + space < width;
      ink.globalAlpha = 0.8;
      ink.fillStyle = paint.page;
      ink.fillRect(right ? x + 2 : x - space, top + 3, space - 2, 16);
      ink.globalAlpha = 1;
      write(mark, right ? x + 5 : x - space + 3, top + 11, paint.ink);
    }
  }
}

function drawWorker({worker, slots, lane, y, top, bottom}) {
  const used = worker.used == null ? "" : `, ${Math.round(worker.used * 100)} % in use`;
  const label = `${worker.name}${worker.device ? ` on ${worker.device}` : ""}${used}`;
  for (const [from, ready] of worker.loads) {
    const x = Math.max(X(from), -2), w = Math.min(X(ready), width + 2) - x;
    if (w <= 0) continue;
    ink.fillStyle = lined(ink, "rising", paint.loading);
    ink.fillRect(x, top, Math.max(1, w), bottom - top);
    write("loading", x + 4, top + Math.min(lane, 22) / 2, paint.soft, w - 8);
  }
  slots.forEach((slot, number) => {
    const laneTop = top + number * lane;
    ink.fillStyle = paint.grid;
    ink.fillRect(0, laneTop + lane - 1, width, 1);
    drawLane(slot, laneTop + 1, lane - 3);
  });
  for (const [at] of worker.losses) {
    const x = X(at);
    if (x < -8 || x > width + 8) continue;
    ink.fillStyle = paint.bad;
    ink.fillRect(x - 1, top - 4, 2, bottom - top + 4);
    write("†", x - 3, top - 8, paint.bad, Infinity, "bold");
  }
  ink.font = "12px system-ui, sans-serif";
  const fits = ink.measureText(label).width < width - 4 ? label : worker.name;
  ink.fillStyle = paint.page;  // no mark of a loss may stand in the label
  ink.fillRect(0, y + 1, ink.measureText(fits).width + 8, LABEL - 2);
  write(fits, 2, y + LABEL / 2, paint.ink);
}

function drawLane(slot, y, h) {
  const odd = [];
  let edge = -1;
  for (let i = firstNot(slot, attempt => attempt.end < view.from); i < slot.length && slot[i].start <= view.to; i++) {
    const attempt = slot[i], from = Math.max(X(attempt.start), -2), to = Math.min(X(attempt.end), width + 2);
    if (attempt.kind !== "finished") odd.push([attempt, from, to]);
    else if (to - from < 3) {
      if (to <= edge) continue;  // something stands there already
      const x = Math.max(edge, Math.floor(from)), w = Math.max(1, Math.ceil(to) - x);  // else half pixels fade
      ink.fillStyle = paint.speech;
      ink.fillRect(x, y, w, h);
      edge = x + w;
    } else {
      ink.fillStyle = paint.speech;
      ink.fillRect(from, y, to - from - 1, h);
      edge = to;
      drawInside(attempt, from, y, to - from - 1, h);
    }
  }
  edge = -1;
  for (const [attempt, from, to] of odd) {  // over the others: what went wrong is never hidden
    const w = Math.max(2.5, to - from - 1);
    if (from + w <= edge) continue;
    paintBar(ink, attempt.kind, from, y, w, h);
    edge = from + w;
    drawInside(attempt, from, y, w, h);
  }
}

function drawInside(attempt, x, y, w, h) {
  if (attempt.first !== null && w >= 6) {
    ink.fillStyle = KINDS[attempt.kind].edge ? paint.ink : paint.mark;
    ink.fillRect(Math.min(Math.max(X(attempt.first) - 1, x + 1), x + w - 3), y, 2, h);
  }
  const {glyph, edge, fill, lines} = KINDS[attempt.kind], left = Math.max(x, 0), room = Math.min(x + w, width) - left - 8;
  if (room < 6 || h < 10) return;
  const words = `${glyph} ${attempt.index}`.trim(), bare = edge || lines;
  for (const each of [words, glyph]) {
    ink.font = "12px system-ui, sans-serif";
    const space = ink.measureText(each).width;
    if (!each || space > room) continue;
    ink.fillStyle = bare ? paint.page : paint[fill];  // nothing goes through the words
    ink.fillRect(left + 2, y + 2, space + 4, h - 4);
    write(each, left + 4, y + h / 2 + 0.5, bare ? paint.ink : paint["speech-ink"]);
    return;
  }
}

function drawSelection() {
  for (const [chosen, weight] of [[hovered, 1.5], [selected, 3]]) {
    if (!chosen) continue;
    for (const attempt of chosen.chunk.attempts) {
      const row = rows.find(each => each.worker === data.workers[attempt.worker]);
      const x = X(attempt.start) - 2, w = Math.max(8, X(attempt.end) - x + 2), y = row.top + attempt.slot * row.lane - 1;
      const main = attempt === chosen.attempt;
      for (const [colour, line] of [[paint.page, weight + 3], [main ? paint.focus : paint.ink, main ? weight : 1]]) {
        ink.strokeStyle = colour;
        ink.lineWidth = line;
        ink.strokeRect(Math.max(x, -4), y, Math.min(x + w, width + 4) - Math.max(x, -4), row.lane + 1);
      }
    }
  }
}

// ---------------------------------------------------------------- details

function element(name, words, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = words;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function showDetails(chosen) {
  const box = $("details");
  box.classList.toggle("chosen", Boolean(chosen));
  if (!chosen) {
    box.replaceChildren(element("p", "Point at a bar, tap it, or use the arrow keys: here is what it is.", {class: "soft"}));
    return;
  }
  const {chunk, attempt} = chosen, list = element("ol", "");
  for (const each of chunk.attempts) {
    list.append(element("li", attemptWords(each).replace(/^Attempt \d+ of \d+: /, ""), each === attempt && chunk.attempts.length > 1 ? {class: "current"} : {}));
  }
  box.replaceChildren(element("p", chunkWords(chunk)), element("p", chunk.text ?? "", {dir: "auto", class: "text"}), list);
}

function bufferWords(listener, at) {
  const {points, stalls} = listener, next = firstNot(points, point => point[0] <= at);
  if (!next) return `At ${moment(at)}: nothing has arrived yet`;
  const [since, , high] = points[next - 1], left = Math.max(0, high - (at - since));
  const stall = stalls[firstNot(stalls, each => each[1] < at)];
  const waits = stall && stall[0] <= at ? `; playback stalls for ${duration(stall[1] - stall[0])}, until ${moment(stall[1])}` : "";
  return `At ${moment(at)}: ${duration(left)} of audio in the buffer${waits}`;
}

// ---------------------------------------------------------------- choosing

function choose(chunk, attempt = chunk.attempts.at(-1) ?? null) {
  selected = {chunk, attempt};
  hovered = null;
  if (attempt) reveal(attempt);
  showDetails(selected);
  // The text comes first: who walks through the chunks hears it at once.
  $("said").textContent = `${chunk.text ?? ""} ${chunkWords(chunk)}. ${attempt ? attemptWords(attempt) : "No attempt in this run."}`;
  $("go").value = chunk.index;
  redraw();
}

function reveal(attempt) {
  const span = view.to - view.from;
  const hidden = attempt.start < view.from || attempt.end > view.to && attempt.start > view.from + span / 2;
  if (hidden) look(attempt.start - span / 3, attempt.start + span * 2 / 3);
  const row = rows.find(each => each.worker === data.workers[attempt.worker]);
  const y = canvas.getBoundingClientRect().top + row.top + attempt.slot * row.lane;
  const room = window.innerHeight - $("details").offsetHeight;
  if (document.activeElement === canvas && (y < 0 || y > room - row.lane)) window.scrollBy(0, y - room / 2);
}

function step(by) {
  const number = Math.max(0, Math.min(chunks.length - 1, (selected ? selected.chunk.number : -1) + by));
  if (chunks.length) choose(chunks[number]);
}

function stepInTime(by) {
  if (!attempts.length) return;
  const now = selected?.attempt ? selected.attempt.number + by : 0;  // the first, if none is chosen
  const attempt = attempts[Math.max(0, Math.min(attempts.length - 1, now))];
  choose(attempt.chunk, attempt);
}

function nextProblem() {
  if (!problems.length) { $("said").textContent = "No attempt had a problem."; return; }
  const now = selected?.attempt ? selected.attempt.number : -1;
  const next = problems.find(attempt => attempt.number > now) ?? problems[0];
  choose(next.chunk, next);
}

function look(from, to) {
  const span = Math.min(Math.max(to - from, fromStart), full);
  view.from = Math.max(0, Math.min(from, full - span));
  view.to = view.from + span;
  redraw();
}

function zoom(factor, x = selected?.attempt ? X(selected.attempt.start) : width / 2) {
  const at = T(Math.max(0, Math.min(width, x))), span = (view.to - view.from) / factor;
  look(at - span * (at - view.from) / (view.to - view.from), at + span * (view.to - at) / (view.to - view.from));
}

const move = part => look(view.from + part * (view.to - view.from), view.to + part * (view.to - view.from));

function under(x, y) {
  const row = rows.find(each => y >= each.y && y < each.bottom);
  if (!row) return null;
  if (row.listener) return {words: bufferWords(row.listener, T(x))};
  const loss = row.worker.losses.find(([at]) => Math.abs(X(at) - x) < 5);
  if (loss && y < row.top + 4) return {words: `${row.worker.name} was lost at ${moment(loss[0])}: ${loss[1]}`};
  const slot = row.slots[Math.floor((y - row.top) / row.lane)];
  if (!slot) return null;
  const next = firstNot(slot, attempt => attempt.end < T(x));
  const near = [slot[next], slot[next - 1]].filter(Boolean)
    .map(attempt => [Math.max(X(attempt.start) - x, x - X(attempt.end), 0), attempt]).sort((one, other) => one[0] - other[0])[0];
  if (near && near[0] < 5) return {chunk: near[1].chunk, attempt: near[1]};
  const load = row.worker.loads.find(([from, ready]) => from <= T(x) && T(x) <= ready);
  return load ? {words: `${row.worker.name} loads for ${duration(load[1] - load[0])}, until ${moment(load[1])}`} : null;
}

function hover(found) {
  hovered = found?.chunk ? found : null;
  if (found?.words) $("details").replaceChildren(element("p", found.words));
  else showDetails(hovered ?? selected);
  redraw();
}

// ---------------------------------------------------------------- hands

const keys = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => stepInTime(1), ArrowUp: () => stepInTime(-1),
  PageDown: () => step(20), PageUp: () => step(-20), Home: () => step(-Infinity), End: () => step(Infinity), n: nextProblem,
  "+": () => zoom(2), "=": () => zoom(2), "-": () => zoom(0.5), 0: () => look(0, full),
  Escape: () => { selected = null; showDetails(null); redraw(); },
};
canvas.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

const fingers = new Map();
let moved = false;
const place = event => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

canvas.addEventListener("pointerdown", event => {
  fingers.set(event.pointerId, place(event)[0]);
  canvas.setPointerCapture(event.pointerId);
  moved = false;
});
canvas.addEventListener("pointermove", event => {
  const [x, y] = place(event), before = fingers.get(event.pointerId);
  if (before === undefined) { hover(under(x, y)); return; }
  if (Math.abs(x - before) < 3 && !moved) return;
  moved = true;
  if (fingers.size === 1) move((before - x) / width);
  else {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    zoom(Math.max(8, Math.abs(x - other)) / Math.max(8, Math.abs(before - other)), other);
  }
  fingers.set(event.pointerId, x);
});
const release = event => {
  const [x, y] = place(event);
  if (event.type === "pointerup" && fingers.size === 1 && !moved) {
    const found = under(x, y);
    if (found?.chunk) choose(found.chunk, found.attempt); else hover(found);
  }
  fingers.delete(event.pointerId);
};
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => hover(null));
canvas.addEventListener("dblclick", event => zoom(3, place(event)[0]));
canvas.addEventListener("wheel", event => {
  if (event.ctrlKey) zoom(Math.exp(-event.deltaY / 200), place(event)[0]);
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move((event.deltaX || event.deltaY) / width);
  else return;  // the wheel alone moves the page
  event.preventDefault();
}, {passive: false});

const buttons = {
  "zoom-in": () => zoom(2), "zoom-out": () => zoom(0.5), "zoom-all": () => look(0, full),
  previous: () => step(-1), next: () => step(1), problem: nextProblem,
};
for (const [id, press] of Object.entries(buttons)) $(id).addEventListener("click", press);
$("go").addEventListener("change", () => {
  const chunk = byIndex.map(each => each.get(Number($("go").value))).find(Boolean);
  if (chunk) choose(chunk); else $("said").textContent = `There is no chunk ${$("go").value}.`;
});

// ---------------------------------------------------------------- the list

let listed = 0;

function showList(from) {
  listed = Math.max(0, Math.min(from, Math.floor((chunks.length - 1) / LISTED) * LISTED));
  const some = chunks.slice(listed, listed + LISTED);
  $("list").replaceChildren(...some.map(chunk => {
    const line = element("li", ""), button = element("button", "", {type: "button"});
    button.append(element("span", chunk.text ?? "", {dir: "auto"}), element("small", chunkWords(chunk)));
    button.addEventListener("click", () => { canvas.focus(); choose(chunk); $("timeline").scrollIntoView(); });
    line.append(button);
    return line;
  }));
  $("page-before").disabled = listed === 0;
  $("page-next").disabled = listed + LISTED >= chunks.length;
  $("page-where").textContent = `${(listed + 1).toLocaleString("en")} to ${(listed + some.length).toLocaleString("en")} of ${chunks.length.toLocaleString("en")}`;
}
$("page-before").addEventListener("click", () => showList(listed - LISTED));
$("page-next").addEventListener("click", () => showList(listed + LISTED));

// ---------------------------------------------------------------- the beginning

function showLegend() {
  const there = new Set(attempts.map(attempt => attempt.kind)), items = [];
  const add = (name, show) => {
    const item = element("li", ""), small = document.createElement("canvas");
    [small.width, small.height] = [52, 32];
    small.setAttribute("aria-hidden", "true");
    const pen = small.getContext("2d");
    pen.scale(2, 2);
    show(pen);
    item.append(small, element("span", name));
    items.push(item);
  };
  for (const [kind, {name, glyph}] of Object.entries(KINDS)) {
    if (there.has(kind)) add(glyph ? `${glyph} ${name}` : name, pen => paintBar(pen, kind, 0, 1, 26, 14));
  }
  if (attempts.some(attempt => attempt.first !== null)) add("first audio of a chunk", pen => {
    paintBar(pen, "finished", 0, 1, 26, 14);
    pen.fillStyle = paint.mark;
    pen.fillRect(10, 1, 2, 14);
  });
  if (data.workers.some(worker => worker.loads.length)) add("loading", pen => { pen.fillStyle = lined(pen, "rising", paint.loading); pen.fillRect(0, 1, 26, 14); });
  if (data.workers.some(worker => worker.losses.length)) add("† worker lost", pen => { pen.fillStyle = paint.bad; pen.fillRect(12, 0, 2, 16); });
  if (data.listeners.some(listener => listener.stalls.length)) add("stall", pen => { pen.fillStyle = lined(pen, "crossed", paint.bad); pen.fillRect(0, 1, 26, 14); });
  $("legend").replaceChildren(...items);
}

function begin() {
  readPaint();
  layOut();
  showLegend();
  draw();
}

$("timeline").hidden = false;
if (attempts.length || data.listeners.length || data.workers.length) {
  $("problem").disabled = !problems.length;
  begin();
  showDetails(null);
  new ResizeObserver(() => { if (canvas.clientWidth !== width) { layOut(); draw(); } }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", begin);
} else {
  for (const each of $("timeline").children) each.hidden = each.id !== "empty";
}
if (chunks.length) {
  $("chunks").hidden = false;
  showList(0);
}

})();
