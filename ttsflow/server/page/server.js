// Asks the server, with the API key where there is one, and says in words what went wrong.

const KEY = "ttsflow-api-key";

/** What the server refused, or could not do. `status` is that of HTTP, 0 where it did not answer. */
export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Use a key from now on, until the tab is closed. Throws ServerError for one that no header can hold. */
export function keep(key) {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new ServerError("A key has no spaces and no letters with accents. Copy it once more.", 0);
  sessionStorage.setItem(KEY, key);
}

/** The answer of an address. Throws ServerError, or AbortError where `options.signal` says so. */
export async function ask(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = {...options.headers, ...(key && {Authorization: `Bearer ${key}`})};
  let response;
  try {
    response = await fetch(path, {...options, headers, cache: "no-store"});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The server does not answer. Is it still running?", 0);
  }
  if (!response.ok) throw new ServerError(await reason(response, key), response.status);
  return response;
}

/** The bytes of an answer, as they come, to `take`. Throws ServerError where it breaks off. */
export async function read(response, take) {
  const reader = response.body.getReader();
  try {
    for (let part; !(part = await reader.read()).done;) take(part.value);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The speech broke off before its end. Try again.", 0);
  }
}

async function reason(response, key) {
  if (response.status === 401) return key ? "The server does not know this key." : "This server asks for an API key.";
  const said = await response.json().catch(() => null);
  const message = said?.error?.message ?? `${response.status} ${response.statusText}`;
  const first = /^\S+\.\S/.test(message) ? message[0] : message.charAt(0).toUpperCase();  // a file keeps its name
  return first + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}
