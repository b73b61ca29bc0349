// Plays audio as it comes: PCM of 16 bits, little-endian, mono.
// It is scheduled as short buffers, and not in an AudioWorklet: those exist on pages with TLS only.

const LEAD_S = 0.15;  // audio waits so long before it is played, so that what comes a little late is in time
const AHEAD_S = 5;  // so much is scheduled; the rest waits here, for a book is a lot of buffers
const BLOCK_S = 1;  // the longest buffer: the end of one is when more are scheduled

export class Player {
  #context; #rate; #started; #rest = new Uint8Array(0); #blocks = []; #next = 0; #made = 0; #end = 0; #scheduled = 0;
  #sources = new Set(); #running = false; #complete = false; #resolve;

  /** Must be made while a user's click is handled, else browsers keep it silent. `rate` is in Hz. */
  constructor(rate) {
    this.#rate = rate;
    this.#started = performance.now();
    this.#context = new AudioContext({sampleRate: rate});  // the same rate: no seams between buffers
    this.#context.resume().then(() => { this.#running = true; this.#schedule(); });
    /** Seconds from the making of the player to its first sound, null before it is known. */
    this.firstSoundS = null;
    /** How often it had to wait for more, after it had begun. */
    this.stalls = 0;
    /** Resolves when all is heard, or when it is stopped. */
    this.done = new Promise(resolve => { this.#resolve = resolve; });
  }

  /** Seconds of audio that have come. */
  get madeS() { return this.#made / this.#rate; }

  /** Seconds of it that were heard. */
  get heardS() {
    return Math.max(0, this.#scheduled - Math.max(0, this.#left)) / this.#rate;
  }

  /** Whether it is silent because there is nothing to play yet. */
  get waiting() { return !this.#complete && this.#left <= 0; }

  get paused() { return this.#context.state === "suspended"; }
  pause() { return this.#context.suspend(); }
  resume() { return this.#context.resume(); }

  /** More bytes have come; they may end in the middle of a sample. */
  add(bytes) {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const whole = all.length - all.length % 2, size = 2 * Math.round(BLOCK_S * this.#rate);
    for (let at = 0; at < whole; at += size) this.#blocks.push(all.slice(at, Math.min(whole, at + size)));
    this.#rest = all.slice(whole);
    this.#made += whole / 2;
    this.#schedule();
  }

  /** All has come. */
  finish() {
    this.#complete = true;
    this.#schedule();
  }

  /** Be silent at once, and for ever. */
  stop() {
    for (const source of this.#sources) source.onended = null;
    this.#sources.clear();
    if (this.#context.state !== "closed") this.#context.close();
    this.#resolve();
  }

  /** All that has come, as a WAV file. */
  wav() { return wav(this.#blocks, this.#rate); }

  /** Samples that are scheduled and not heard yet; negative where nothing has been for a while. */
  get #left() { return this.#end - this.#context.currentTime * this.#rate; }

  #schedule() {
    if (!this.#running || this.#context.state === "closed") return;
    while (this.#next < this.#blocks.length) {
      if (this.#left > AHEAD_S * this.#rate) return;
      if (this.#left <= 0) this.#begin();
      this.#play(this.#blocks[this.#next++]);
    }
    if (this.#complete && !this.#sources.size) this.stop();
  }

  /** Nothing is scheduled any more: begin anew, a little later. */
  #begin() {
    this.#end = Math.ceil((this.#context.currentTime + LEAD_S) * this.#rate);
    if (this.firstSoundS === null) {
      const delayS = LEAD_S + (this.#context.outputLatency || 0);
      this.firstSoundS = (performance.now() - this.#started) / 1000 + delayS;
    } else {
      this.stalls += 1;
    }
  }

  #play(block) {
    const samples = Float32Array.from(new Int16Array(block.buffer), sample => sample / 32768);
    const buffer = this.#context.createBuffer(1, samples.length, this.#rate);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.onended = () => { this.#sources.delete(source); this.#schedule(); };
    source.start(this.#end / this.#rate);
    this.#sources.add(source);
    this.#end += samples.length;
    this.#scheduled += samples.length;
  }
}

/** A WAV file of PCM in parts: a Blob. */
export function wav(parts, rate) {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const header = new DataView(new ArrayBuffer(44));
  const word = (at, letters) => [...letters].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF"); header.setUint32(4, 36 + bytes, true); word(8, "WAVEfmt ");
  header.setUint32(16, 16, true); header.setUint16(20, 1, true); header.setUint16(22, 1, true);
  header.setUint32(24, rate, true); header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true); header.setUint16(34, 16, true);
  word(36, "data"); header.setUint32(40, bytes, true);
  return new Blob([header, ...parts], {type: "audio/wav"});
}
