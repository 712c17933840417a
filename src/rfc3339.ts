/** The last two times and their texts: the answers of one turn all say the same two. */
let [lastMs, lastText] = [Number.NaN, ''];
let [beforeMs, beforeText] = [Number.NaN, ''];

/** RFC 3339 in UTC of a time in ms since the epoch, as `2026-11-21T20:00:00.000Z`. */
export function rfc3339(ms: number): string {
  if (ms === lastMs) return lastText;
  const text = ms === beforeMs ? beforeText : new Date(ms).toISOString();
  [beforeMs, beforeText] = [lastMs, lastText];
  [lastMs, lastText] = [ms, text];
  return text;
}

/** The same in the form that mail has (RFC 5322), to the second: `Sat, 21 Nov 2026 20:00:00 +0000`. */
export function mailDate(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

/** The ms since the epoch of an RFC 3339 text, or `NaN`. */
export function fromRfc3339(text: string): number {
  return Date.parse(text);
}
