/** RFC 3339 in UTC of a time in ms since the epoch, as `2026-11-21T20:00:00.000Z`. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}

/** The ms since the epoch of an RFC 3339 text, or `NaN`. */
export function fromRfc3339(text: string): number {
  return Date.parse(text);
}
