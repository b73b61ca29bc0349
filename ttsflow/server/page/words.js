// Lengths and counts in words.

export const number = count => count.toLocaleString("en");
export const times = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;

/** A length in seconds as 0:07, 12:34 or 2:24:10. */
export function clock(seconds) {
  const whole = Math.floor(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const shown = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${shown}:${String(whole % 60).padStart(2, "0")}`;
}
