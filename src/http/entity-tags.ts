/** Whether `If-None-Match` names this tag. */
export function matchesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((item) => {
    const text = item.trim();
    return text === '*' || text === tag || text === `W/${tag}`;
  });
}
