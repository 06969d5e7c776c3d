import { createWriteStream, mkdirSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../lab/node.js';

/** What happened, and what should not have. */
export interface Record {
  /** Where it all is written. */
  folder: string;
  /** For the journal alone. */
  note(what: string): void;
  /** For the journal and whoever looks on. */
  say(what: string): void;
  /** Something that must not be: the run has failed. */
  found(what: string): void;
  readonly findings: readonly string[];
  /** Keeps the logs of the hosts' daemons beside the journal. */
  keepLogs(nodes: readonly Node[]): Promise<void>;
}

export function createRecord(folder: string): Record {
  mkdirSync(folder, { recursive: true });
  const journal = createWriteStream(join(folder, 'journal.log'));
  const findings: string[] = [];
  const began = performance.now();

  function note(what: string): string {
    const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(7);
    const line = `${seconds} ${what}`;
    journal.write(`${new Date().toISOString()} ${line}\n`);
    return line;
  }
  const say = (what: string) => console.log(note(what));

  return {
    folder,
    findings,
    note: (what) => void note(what),
    say,
    found(what) {
      findings.push(what);
      say(`FOUND ${what}`);
    },
    async keepLogs(nodes) {
      for (const node of nodes) {
        const logs = (await readdir(node.file('/run'))).filter((name) => /^lab-.*\.log$/.test(name));
        for (const log of logs)
          await copyFile(node.file(`/run/${log}`), join(folder, `${node.name}-${log.slice('lab-'.length)}`));
      }
    },
  };
}
