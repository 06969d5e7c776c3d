import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ROOT } from '../support/doc-blocks.js';

interface Rule {
  name: string;
  from: { path?: string };
  to: { path?: string; circular?: boolean };
}

const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const { forbidden } = createRequire(import.meta.url)(CONFIG) as { forbidden: Rule[] };

/** A file that breaks each rule: who imports whom. */
const BREACHES: Record<string, [from: string, to: string][]> = {
  'no-circle': [
    ['lib/base/a.ts', 'lib/base/b.ts'],
    ['lib/base/b.ts', 'lib/base/a.ts'],
  ],
  entries: [['lib/cli/a.ts', 'lib/program.ts']],
  'adapters-below-agent': [['lib/agent/a.ts', 'adapters/socketplane/b.ts']],
  adapters: [['adapters/socketplane/a.ts', 'lib/proxy/calls/b.ts']],
  'sample-adapters': [['adapters/audit/a.ts', 'lib/base/b.ts']],
  'rest-above-runtime': [['lib/agent/rest.ts', 'express']],
};

/** A room imports each of those that it must not know. */
function breachesOf({ name, to }: Rule): [string, string][] {
  const [, folder, rooms] = /^\^(.+)\/\((.+)\)\/$/.exec(to.path ?? '') ?? [];
  return rooms!.split('|').map((room) => [`${name}/from-${room}.ts`, `${folder}/${room}/seen.ts`]);
}

describe('the order of the rooms', () => {
  const tree = mkdtempSync(join(tmpdir(), 'layers-'));
  const seen = new Set<string>();

  before(async function () {
    this.timeout(60_000);
    const imports = new Map<string, string[]>();
    for (const rule of forbidden) {
      for (const [from, to] of BREACHES[rule.name] ?? breachesOf(rule)) {
        imports.set(from, [...(imports.get(from) ?? []), to]);
        if (to !== 'express' && !imports.has(to)) imports.set(to, []);
      }
    }
    for (const [file, targets] of imports) {
      mkdirSync(dirname(join(tree, file)), { recursive: true });
      // By their types alone: such an import is one too.
      const lines = targets.map((to) => `import type { T } from '${to === 'express' ? to : `/${to}`}';`);
      const up = '../'.repeat(file.split('/').length - 1);
      const text = [...lines, 'export type T = string;'].join('\n').replaceAll("'/", `'${up}`);
      writeFileSync(join(tree, file), text.replaceAll(".ts'", ".js'"));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    symlinkSync(join(ROOT, 'tsconfig.json'), join(tree, 'tsconfig.json'));
    const program = join(ROOT, 'node_modules/.bin/depcruise');
    const argv = ['--config', CONFIG, '--output-type', 'json', 'lib', 'adapters'];
    const options = { cwd: tree, maxBuffer: 64 * 2 ** 20 };
    const { stdout } = await promisify(execFile)(program, argv, options);
    const { summary } = JSON.parse(stdout) as {
      summary: { violations: { rule: { name: string }; from: string; to: string }[] };
    };
    for (const { rule, from, to } of summary.violations) seen.add(`${rule.name}: ${from} → ${to}`);
  });

  after(() => rmSync(tree, { recursive: true, force: true }));

  for (const rule of forbidden) {
    it(`${rule.name} is red when it is broken`, () => {
      const breaches = BREACHES[rule.name] ?? breachesOf(rule);
      const silent = breaches.filter(
        ([from, to]) =>
          ![...seen].some((line) => line.startsWith(`${rule.name}: ${from} → `) && line.includes(to)),
      );
      // A circle is told of once, from wherever it was entered.
      expect(silent).to.have.length(rule.to.circular ? breaches.length - 1 : 0, JSON.stringify(silent));
    });
  }
});
