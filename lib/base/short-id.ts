/** The first 12 digits of an id: what Docker shows to people, and what it gives a container as its hostname. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
