// Shows what the server does now: its requests, and its workers with their slots.

const element = id => document.getElementById(id);

/** Show a state, as GET /v1/state has it. */
export function show(state) {
  write(element("now"), state.problem ? `It cannot speak: ${state.problem}.` : `Ready to speak, with the engine ${state.backend}.`);
  fill(element("requests"), state.requests, "Nobody has asked for anything.", (row, request) => {
    row.className = request.yours ? "yours" : "";
    write(row, `${request.yours ? "Yours" : "Somebody else’s"}: ${doing(request)}`);
  });
  fill(element("workers"), state.workers, "None is there.", (row, worker) => {
    if (!row.firstElementChild) row.replaceChildren(document.createElement("span"), list("slots"));
    const [name, slots] = row.children;
    write(name, worker.state === "ready" ? `${worker.name} on ${worker.device}` : `${worker.name} is loading its model`);
    slots.hidden = !worker.slots.length;
    slots.setAttribute("aria-label", `Places of ${worker.name}`);
    fill(slots, worker.slots, null, (slot, seconds) => {
      slot.className = seconds === null ? "" : "busy";
      write(slot, seconds === null ? "free" : `busy for ${Math.floor(seconds)} s`);
    });
  });
}

/** Say that nothing is known. */
export function showNothing(why) {
  write(element("now"), why);
  for (const id of ["requests", "workers"]) element(id).replaceChildren();
}

function doing({state, age_s: age, audio_s: audio}) {
  if (state === "waiting") return `waiting for its first sound, ${Math.floor(age)} s`;
  return `being spoken, ${Math.floor(audio)} s of sound so far`;
}

/** Make the rows of a list those of `items`. Rows stay what they are, so that nobody who reads them loses his place. */
function fill(rows, items, nothing, draw) {
  const none = !items.length && nothing;
  const count = none ? 1 : items.length;
  while (rows.children.length > count) rows.lastElementChild.remove();
  while (rows.children.length < count) rows.append(document.createElement("li"));
  if (none) {
    rows.firstElementChild.className = "soft";
    write(rows.firstElementChild, nothing);
    return;
  }
  items.forEach((item, number) => {
    const row = rows.children[number];
    if (row.className === "soft") { row.className = ""; row.textContent = ""; }
    draw(row, item);
  });
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function list(name) {
  const made = document.createElement("ul");
  made.className = name;
  return made;
}
