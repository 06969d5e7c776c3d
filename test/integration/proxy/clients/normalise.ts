/** What differs from run to run whoever is asked. */
const CHANGING: [pattern: RegExp, instead: string][] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/"(Created|CreatedAt|LastTagTime|time|timeNano|Pid|SystemTime)":"?-?\d+"?/g, '"$1":"<number>"'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>'],
  [/"(HostPort)":"\d+"/g, '"$1":"<port>"'],
  [/\b(Less than a second|About an? (minute|hour)|\d+ (second|minute)s?)\b/g, '<while>'],
];

/**
 * The same document with ids, times and ports by their role instead of their value: the first id that it has is `<id 1>`
 * wherever it comes again, in its short form too.
 */
export function normalise(value: unknown): unknown {
  if (value === undefined) return undefined;
  const ids: string[] = [];
  const role = (id: string): string => {
    const short = id.slice(0, 12);
    if (!ids.includes(short)) ids.push(short);
    return `<id ${ids.indexOf(short) + 1}>`;
  };
  let text = JSON.stringify(value).replace(/\b([0-9a-f]{64}|[0-9a-f]{12})\b/g, role);
  for (const [pattern, instead] of CHANGING) text = text.replace(pattern, instead);
  return JSON.parse(text);
}
