// Books: a file is sent, spoken in the background, and fetched when it is done.
import {download} from "./files.js";
import {ServerError, ask, read} from "./server.js";
import {clock, number} from "./words.js";

const SURE_MS = 4000;  // for which "Really remove?" stands
const DOUBLE_MS = 500;  // in which a second click is a double click
const TOLD_MS = 5000;  // for which a problem stands in a row

const element = id => document.getElementById(id);
const rows = new Map();  // of the books that are shown, by their ids
let most = null;  // bytes that the server takes in a file, null where it takes none
let offered = null;  // the file that may be sent
let asked = 0;  // how often the list was asked for

/** What the server takes, as GET /v1/state has it. */
export function taken(jobs) {
  const before = most;
  most = jobs && jobs.max_upload_bytes;
  if (before === most && element("books").hidden === !jobs) return;
  element("open").textContent = jobs ? "Open a text or a book" : "Open a text file";
  element("text").placeholder = jobs ? "Type, paste, or drop a text or a book here" : "Type, paste, or drop a text file here";
  element("books").hidden = !jobs;
}

/** Whether the server takes books. */
export const takesBooks = () => most !== null;

/** Offer a file to be spoken in the background. Throws ServerError for one that is too large. */
export function offer(file) {
  if (file.size > most) throw new ServerError(`${file.name} is too large: the server takes files of ${number(most)} bytes.`, 0);
  offered = file;
  element("book-name").textContent = file.name;
  element("book").hidden = false;
  element("send").focus();
}

export function withdraw() {
  offered = null;
  element("book").hidden = true;
}

/** Send the book that is offered, to be spoken as `said` says. Throws ServerError. */
export async function send(said) {
  const file = offered, name = stem(file.name).slice(0, 200);
  const query = new URLSearchParams({...said, filename: file.name, response_format: element("book-format").value, name});
  element("send").disabled = element("withdraw").disabled = true;
  element("sent").textContent = `Sending ${file.name} …`;
  try {
    await readable(file);
    await ask(`v1/jobs?${query}`, {method: "POST", body: file, headers: {"Content-Type": "application/octet-stream"}});
  } catch (error) {
    element("sent").textContent = "";
    throw error;
  } finally {
    element("send").disabled = element("withdraw").disabled = false;
    if (document.activeElement === document.body) element("send").focus();  // it was lost
  }
  element("sent").textContent = `${file.name} is sent. It is spoken in the background; you may close this page and come back.`;
  if (offered === file) {
    const focused = document.activeElement === element("send");
    withdraw();
    if (focused) element("books-title").focus();
  }
  await look();
}

/** Throws ServerError for a file that is gone, and for a folder. */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new ServerError(`${file.name} cannot be read. Is it still there, and a file?`, 0);
  }
}

/** Show the books that this client has sent. Throws ServerError. */
export async function look() {
  const mine = ++asked;
  const {data} = await (await ask("v1/jobs")).json();
  if (mine !== asked) return;  // a later answer is shown, or on its way
  for (const [id, row] of rows) {
    if (data.some(job => job.id === id)) continue;
    row.remove();
    rows.delete(id);
  }
  for (const job of data) {
    if (!rows.has(job.id)) {
      rows.set(job.id, makeRow(job));
      element("shelf").prepend(rows.get(job.id));  // they come in the order in which they were sent
    }
    draw(rows.get(job.id), job);
  }
  element("no-books").hidden = data.length > 0;
}

const stem = name => name.replace(/\.[^.]*$/, "") || name;
const title = job => job.name ?? `Job ${job.id}`;

function makeRow(job) {
  const row = document.createElement("li");
  const name = document.createElement("strong"), state = document.createElement("p"), bar = document.createElement("progress");
  const buttons = document.createElement("div"), notes = document.createElement("ul");
  name.dir = "auto";
  name.textContent = title(job);
  bar.setAttribute("aria-label", `${title(job)}: spoken so far`);
  buttons.className = "row";
  buttons.append(makeButton("Download", job, button => fetchAudio(job, button)), makeButton("Remove", job, button => remove(job, button)));
  row.append(name, state, bar, notes, buttons);
  return row;
}

function makeButton(text, job, act) {
  const button = document.createElement("button");
  button.type = "button";
  label(button, text, job);
  button.addEventListener("click", () => act(button));
  return button;
}

function label(button, text, job) {
  button.textContent = text;
  button.setAttribute("aria-label", `${text} ${title(job)}`);
}

function draw(row, job) {
  const [, state, bar, notes, {children: [fetched]}] = row.children;
  const ended = job.status === "done" || job.status === "failed";
  const said = row.problem && Date.now() < row.until ? row.problem : inWords(job);
  if (state.textContent !== said) state.textContent = said;
  state.className = job.status === "failed" || said === row.problem ? "problem" : "soft";
  const told = notesOf(job);
  if (notes.childElementCount !== told.length) notes.replaceChildren(...told.map(note => Object.assign(document.createElement("li"), {textContent: note})));
  bar.hidden = ended;
  bar.max = job.chunks?.of || 1;
  bar.value = job.chunks?.done ?? 0;
  fetched.disabled = !(ended && job.audio_s > 0) || row.fetching;
}

/** What a person should know of a book: how it was read, and which words are missing or may sound wrong. */
function notesOf({notices, failures, doubts}) {
  const about = kind => ({text, why}) => `${kind}: “${text}” (${why})`;
  return [...notices, ...failures.map(about("Missing")), ...doubts.map(about("May sound wrong"))];
}

function inWords({status, chunks, audio_s: audio, error}) {
  if (status === "queued") return "Waits for its turn.";
  if (status === "speaking") {
    if (!chunks?.of) return "Its text is being read.";
    if (chunks.done === chunks.of) return "All of it is spoken; the file is being made.";
    return `${number(chunks.done)} of ${number(chunks.of)} chunks are spoken, ${clock(audio)} of sound.`;
  }
  if (status === "failed") return `It failed: ${error}.${audio > 0 ? ` ${clock(audio)} of sound are there.` : ""}`;
  return `Done: ${clock(audio)} of sound.`;
}

/** Tell a problem in the row of a book, for a while. */
function tell(job, problem) {
  const row = rows.get(job.id);
  if (!row) return;
  row.problem = problem;
  row.until = Date.now() + TOLD_MS;
  row.children[1].textContent = problem;
  row.children[1].className = "problem";
  element("sent").textContent = `${title(job)}: ${problem}`;  // which is read aloud
}

async function fetchAudio(job, button) {
  const row = rows.get(job.id), name = `${title(job)}.${job.response_format}`;
  row.fetching = button.disabled = true;
  element("sent").textContent = `Fetching ${name} …`;
  try {
    const response = await ask(`v1/jobs/${job.id}/audio`), parts = [];
    await read(response, part => parts.push(part));
    download(new Blob(parts, {type: response.headers.get("Content-Type")}), name);
    element("sent").textContent = `${name} is here.`;
  } catch (error) {
    tell(job, error.message);
  }
  row.fetching = button.disabled = false;
}

async function remove(job, button) {
  if (button.textContent === "Remove") {
    label(button, "Really remove?", job);
    button.asked = Date.now();
    element("sent").textContent = `Click once more to remove ${title(job)} for good.`;
    setTimeout(() => label(button, "Remove", job), SURE_MS);
    return;
  }
  if (Date.now() < button.asked + DOUBLE_MS) return;
  try {
    await ask(`v1/jobs/${job.id}`, {method: "DELETE"});
    element("books-title").focus();  // the button is gone with its row
    await look();
    element("sent").textContent = `${title(job)} is removed.`;
  } catch (error) {
    tell(job, error.message);
  }
}
