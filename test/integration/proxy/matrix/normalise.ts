/** What differs from one run to the next, or from one host to the next, on Docker itself. */
const RULES: [RegExp, string][] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b[0-9a-f]{12}\b/g, '<id>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>'],
  [/\bh[1-9]\b/g, '<host>'],
  // Times: of Docker's JSON and logs, of Go, of tar, of ls.
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?( UTC)?/g, '<time>'],
  [/\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b/g, '<time>'],
  [/(Less than a second|About an? \w+|\d+ (seconds?|minutes?))( ago)?/g, '<while>'],
  [/"Pid": ?\d+/g, '"Pid": <pid>'],
  [/\bexecDuration=\d+/g, 'execDuration=<seconds>'],
  [/\bdocker-builder\d+/g, 'docker-builder<number>'],
  // With a Dockerfile from standard input, which gets a name by chance.
  [/(Sending build context to Docker daemon) +\S+/g, '$1 <size>'],
  // Bash, about a process that was killed.
  [/^bash: line \d+: +\d+ /gm, 'bash: '],
  // Entries of BuildKit's cache.
  [/^[0-9a-z]{12}(?= +(regular|source\.local) )/gm, '<id>'],
  // Tables are as wide as what they hold.
  [/ {2,}/g, '  '],
  [/ +$/gm, ''],
];

export function normalise(text: string): string {
  return RULES.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}
