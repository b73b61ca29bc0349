// The page: what is typed is spoken, heard as it comes, and saved.
import {show, showNothing} from "./activity.js";
import * as books from "./books.js";
import {download} from "./files.js";
import {Player, wav} from "./player.js";
import {ServerError, ask, keep, read} from "./server.js";
import {clock, number, times} from "./words.js";

const RATE = 24000;  // of the server's PCM, in Hz
const POLL_MS = 1000;
const BOOK = /\.(epub|fb2|fbz|docx|pdf|html?|xhtml|md|markdown|srt|vtt)$/i;  // names of texts that are more than plain

const $ = id => document.getElementById(id);
let most = Infinity;  // characters that the server takes at a time
let name = "speech";  // of files
let talk = null;  // what is spoken now: {abort, player}, or null
let saving = null;  // what stops the file that is being made, or null
let complete = null;  // the last speech that was whole: {asked, wav}

// ---------------------------------------------------------------- words

function tell(text) {
  if ($("said").textContent !== text) $("said").textContent = text;  // screen readers read it again whenever it is set
}

function complain(error) {
  const message = error instanceof ServerError ? error.message : `This page failed: ${error.message}`;
  $("wrong").textContent = message;
  $("wrong").hidden = false;
  $("wrong").scrollIntoView({block: "nearest"});
  tell("");
  if (error.status === 401) askForKey();
}

// ---------------------------------------------------------------- what is to be spoken

/** How it is to be spoken, as far as somebody has chosen. */
function manner() {
  const said = {};
  for (const field of ["language", "voice"]) if ($(field).value) said[field] = $(field).value;
  if ($("speed").valueAsNumber !== 1) said.speed = $("speed").valueAsNumber;
  return said;
}

const wanted = () => ({input: $("text").value, ...manner()});

function count() {
  const length = [...$("text").value].length, over = length - most;
  $("count").textContent = over > 0 ? `${times(over, "character")} too many` : `${number(length)} of ${number(most)} characters`;
}

/** Whether there is a text that can be asked for; says why not. */
function speakable() {
  const length = [...$("text").value].length;
  if ($("text").value.trim() && length <= most) return true;
  complain(new ServerError(length > most
    ? `The text is too long by ${times(length - most, "character")}. The server takes ${number(most)} at a time.`
    : "There is no text yet. Type one, or open a text file.", 0));
  $("text").focus();
  return false;
}

/** Open a plain text to be heard now; anything else is a book, where the server takes such. */
async function open(file) {
  $("wrong").hidden = true;
  books.withdraw();
  try {
    const heardNow = !(books.takesBooks() && BOOK.test(file.name));
    const text = heardNow && file.size <= 4 * most ? await plain(file) : null;
    if (books.takesBooks() && (text === null || [...text].length > most)) return books.offer(file);
    if (file.size > 4 * most) throw new ServerError(`${file.name} is too long: the server takes ${number(most)} characters at a time.`, 0);
    if (text === null) throw new ServerError(`${file.name} is no plain text in UTF-8, and ${$("key-part").hidden ? "this server takes no books" : "books need your key first"}.`, 0);
    $("text").value = text;
    name = file.name.replace(/\.[^.]*$/, "") || name;
    count();
    tell(`${file.name} is opened.`);
  } catch (error) {
    complain(error);
  }
}

async function openFirst([file, ...others]) {
  await open(file);
  if (others.length) complain(new ServerError(`One file at a time: ${others.map(({name}) => name).join(", ")} was not opened.`, 0));
}

/** The text of a file in UTF-8; null where it is none. */
async function plain(file) {
  try {
    const text = new TextDecoder("utf-8", {fatal: true}).decode(await file.arrayBuffer());
    return text.includes("\0") ? null : text;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

// ---------------------------------------------------------------- speaking

/** Show what can be stopped now. */
function mark() {
  const focused = document.activeElement;
  $("pause").disabled = !talk;
  $("stop").disabled = !talk && !saving;
  if (focused.disabled) $("speak").focus();  // else the focus is lost
}

/** What was spoken is over, unless something else is spoken since. */
function end(ended) {
  if (talk !== ended) return;
  talk = null;
  $("pause").textContent = "Pause";
  $("heard").hidden = true;
  mark();
}

function silence() {
  if (!talk) return;
  talk.abort.abort();
  talk.player.stop();
  end(talk);
  $("times").hidden = true;
}

function stop() {
  if (talk) tell("Stopped.");
  silence();
  saving?.abort();
}

function request(body, format, signal) {
  return ask("v1/audio/speech", {
    method: "POST", signal, headers: {"Content-Type": "application/json"},
    body: JSON.stringify({...body, response_format: format}),
  });
}

async function speak() {
  if (!speakable()) return;
  silence();
  offer(null);
  const body = wanted(), player = new Player(RATE), mine = {abort: new AbortController(), player};
  talk = mine;
  mark();
  $("wrong").hidden = $("times").hidden = true;
  tell("Waiting for the first sound …");
  try {
    const response = await request(body, "pcm", mine.abort.signal);
    follow(mine);
    await read(response, bytes => player.add(bytes));
    player.finish();
    const speech = {asked: JSON.stringify(body), wav: player.wav()};
    await player.done;
    if (talk === mine) tell("That was all.");
    if (talk === mine || !talk) offer(speech);
  } catch (error) {
    if (error.name === "AbortError") return;
    complain(error);
    player.finish();  // what has come is heard
    await player.done;
  }
  end(mine);
}

/** Show how far it is, until it ends. */
function follow(mine) {
  const {player} = mine;
  $("heard").hidden = $("times").hidden = false;
  const draw = () => {
    const made = player.madeS, heard = Math.min(player.heardS, made);
    if (player.firstSoundS !== null && $("wrong").hidden && !player.paused) {
      tell(player.waiting ? "Waiting for more …" : "Speaking …");
    }
    $("heard").max = made || 1;
    $("heard").value = heard;
    const first = player.firstSoundS === null ? "" : ` First sound after ${player.firstSoundS.toFixed(2)} s.`;
    const waits = player.stalls ? ` Had to wait for more, ${times(player.stalls, "time")}.` : "";
    $("times").textContent = `${clock(heard)} heard of ${clock(made)} made.${first}${waits}`;
  };
  const timer = setInterval(draw, 200);
  player.done.then(() => {
    clearInterval(timer);
    if (talk === mine) draw();
  });
}

async function pause() {
  const {player} = talk;
  await (player.paused ? player.resume() : player.pause());
  $("pause").textContent = player.paused ? "Go on" : "Pause";
  tell(player.paused ? "Paused." : "Speaking …");
}

/** Offer a speech that is whole to be heard again; null where there is none. */
function offer(speech) {
  URL.revokeObjectURL($("again").src);
  complete = speech;
  $("again").hidden = !speech;
  if (speech) $("again").src = URL.createObjectURL(speech.wav);
  else $("again").removeAttribute("src");
}

// ---------------------------------------------------------------- saving

async function save() {
  if (!speakable()) return;
  const body = wanted(), format = $("format").value;
  if (format === "wav" && complete?.asked === JSON.stringify(body)) return give(complete.wav, format);
  saving?.abort();
  const mine = saving = new AbortController(), parts = [];
  mark();
  $("wrong").hidden = true;
  $("saved").textContent = "Making the file …";
  try {
    // a WAV file that is streamed does not know its length, so its header is written here
    const response = await request(body, format === "wav" ? "pcm" : format, mine.signal);
    await read(response, part => parts.push(part));
    give(format === "wav" ? wav(parts, RATE) : new Blob(parts, {type: response.headers.get("Content-Type")}), format);
  } catch (error) {
    if (saving === mine) $("saved").textContent = "";
    if (error.name !== "AbortError") complain(error);
  }
  if (saving === mine) saving = null;
  mark();
}

function give(blob, format) {
  download(blob, `${name}.${format}`);
  $("saved").textContent = `${name}.${format} is made.`;
}

// ---------------------------------------------------------------- what the server has

function options(select, usual, entries) {
  const before = select.value;
  select.replaceChildren(new Option(usual, ""), ...entries.map(([value, text]) => new Option(text, value)));
  if (entries.some(([value]) => value === before)) select.value = before;
}

/** What a language is called: its name, where the browser knows one, and its tag. */
function languageName(tag) {
  try {
    const known = new Intl.DisplayNames(["en"], {type: "language", fallback: "none"}).of(tag);
    return known && known !== tag ? `${known} · ${tag}` : tag;
  } catch {
    return tag;  // not every engine names languages as others do
  }
}

async function loadLanguages() {
  const {voices, languages} = await (await ask("v1/audio/voices")).json();
  const tags = languages ?? [...new Set(voices.flatMap(voice => voice.languages))];
  const entries = tags.map(tag => [tag, languageName(tag)]).sort((one, other) => one[1].localeCompare(other[1], "en"));
  options($("language"), "The usual language", entries);
  $("language").parentElement.hidden = !entries.length;
  await loadVoices();
}

async function loadVoices() {
  const language = $("language").value;
  const {voices, other_names: others} = await (await ask(`v1/audio/voices?${new URLSearchParams(language && {language})}`)).json();
  if ($("language").value !== language) return;  // another one was chosen meanwhile
  const known = new Set(voices.map(voice => voice.name));
  options($("voice"), "The usual voice", [
    ...voices.map(({id, description}) => [id, description ? `${id}: ${description}` : id]),
    ...Object.entries(others).filter(([, voice]) => known.has(voice)).map(([other, voice]) => [other, `${other}: ${voice}`]),
  ]);
}

function askForKey() {
  if ($("key-part").hidden) {
    $("key-part").hidden = false;
    $("key").focus();
  }
}

// ---------------------------------------------------------------- what the server does

async function look() {
  if (document.hidden) return;
  try {
    const state = await (await ask("v1/state")).json();
    if (most !== state.max_input_chars) {
      most = state.max_input_chars;
      count();
    }
    show(state);
    books.taken(state.jobs);
  } catch (error) {
    showNothing(error.message);
    if (error.status === 401) askForKey();
  }
}

async function watch() {
  for (;;) {
    await look();
    if (books.takesBooks() && !document.hidden) await books.look().catch(() => {});  // what the server does tells why
    await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
  }
}

// ---------------------------------------------------------------- what people do

$("speech").addEventListener("submit", event => { event.preventDefault(); speak(); });
$("pause").addEventListener("click", pause);
$("stop").addEventListener("click", stop);
$("save").addEventListener("click", save);
$("text").addEventListener("input", count);
$("language").addEventListener("change", () => loadVoices().catch(complain));
$("speed").addEventListener("input", () => {
  const speed = $("speed").valueAsNumber;
  $("speed-shown").value = speed === 1 ? "normal" : `${speed.toFixed(2)} times`;
  $("speed").setAttribute("aria-valuetext", $("speed-shown").value);
});
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  if ($("file").files.length) open($("file").files[0]);
  $("file").value = "";
});
$("send").addEventListener("click", () => {
  $("wrong").hidden = true;
  books.send(manner()).catch(complain);
});
$("withdraw").addEventListener("click", () => {
  books.withdraw();
  $("open").focus();
});
$("key-form").addEventListener("submit", event => {
  event.preventDefault();
  $("wrong").hidden = true;
  try {
    keep($("key").value.trim());
  } catch (error) {
    return complain(error);
  }
  $("key").value = "";
  $("key-part").hidden = true;
  $("text").focus();
  loadLanguages().catch(complain);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, event => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    $("text").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) openFirst([...event.dataTransfer.files]);
  });
}

loadLanguages().catch(error => error.status === 401 ? askForKey() : complain(error));
watch();
