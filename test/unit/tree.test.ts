import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/doc-blocks.js';

/** Files that a reader meets at once when a folder is opened. */
const MOST_IN_FOLDER = 15;
const MOST_PROGRAMS = 5;
/** Two versions of one protocol: the same words, each in its own file. */
const VERSIONS = /^lib\/hook\/v\d\.ts$/;

const files = ['lib', 'adapters'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
);

function exportsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const declared =
    /^export (?:async |abstract |declare )*(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;
  return [...text.matchAll(declared)].map(([, name]) => name!);
}

describe('the tree', () => {
  it('has no exported name that means two things', () => {
    const places = new Map<string, string[]>();
    for (const file of files.filter((name) => !VERSIONS.test(name))) {
      // A type and a value of one name in one file are one thing.
      for (const name of new Set(exportsOf(file))) places.set(name, [...(places.get(name) ?? []), file]);
    }
    const twice = [...places].filter(([, where]) => where.length > 1);
    expect(twice.map(([name, where]) => `${name}: ${where.join(', ')}`)).to.deep.equal([]);
  });

  it(`has no folder with more than ${MOST_IN_FOLDER} files on one level`, () => {
    const counts = new Map<string, number>();
    for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > MOST_IN_FOLDER)).to.deep.equal([]);
  });

  it(`has programs alone loose in lib/, ${MOST_PROGRAMS} at most`, () => {
    const loose = files.filter((file) => dirname(file) === 'lib').map((file) => basename(file));
    expect(loose.length).to.be.within(1, MOST_PROGRAMS, loose.join(', '));
  });
});
