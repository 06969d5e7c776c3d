import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { readDoc, ROOT } from '../../support/doc-blocks.js';
import { anchorsOf, brokenLinks, missingPaths } from '../../support/doc-links.js';

const isDocument = (name: string) => name.endsWith('.md');
const below = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
const documents = [
  ...readdirSync(ROOT),
  ...['docs', 'lib', 'adapters', 'test'].flatMap((folder) => below(folder)),
].filter(isDocument);

describe('links in the documents', () => {
  it('are looked at in all of them', () => {
    expect(documents).to.include.members(['README.md', 'CONTRIBUTING.md', 'docs/operations.md']);
  });

  for (const document of documents) {
    it(`${document}: lead to files and headings that are there`, () => {
      expect(brokenLinks(document)).to.deep.equal([]);
    });
  }

  for (const [what, link, broken] of [
    ['a file', 'docs/proxy.md', false],
    ['a heading of a file', 'docs/operations.md#install', false],
    ['a heading of its own', '#a-heading-of-its-own', false],
    ['the second heading of that name', '#a-heading-of-its-own-1', false],
    ['another site', 'https://example.org/a#b', false],
    ['no file', 'docs/none.md', true],
    ['no heading of a file', 'docs/operations.md#none', true],
    ['no heading of its own', '#none', true],
    ['a heading in a block of code', '#in-code', true],
  ] as const) {
    it(`to ${what}: ${broken ? 'broken' : 'good'}`, () => {
      const text = `# A heading: \`of\` its own\n\n[link](${link})\n\n## A heading of its own\n\n\`\`\`sh\n# in code\n\`\`\`\n`;
      expect(brokenLinks('README.md', text)).to.deep.equal(broken ? [link] : []);
    });
  }

  it('are none in code', () => {
    expect(brokenLinks('README.md', 'Write `[a](b)`:\n\n```md\n[a](b)\n```\n')).to.deep.equal([]);
  });
});

describe('paths in the documents', () => {
  for (const document of documents) {
    it(`${document}: are there`, () => expect(missingPaths(document)).to.deep.equal([]));
  }

  it('that are not there are found', () => {
    const text =
      'See `lib/base/errors.ts`, `lib/base/none.ts`, `docs/*.md`, `lib/commands/NAME.ts` and `lib/none`.';
    expect(missingPaths('README.md', text)).to.deep.equal(['lib/base/none.ts', 'lib/none']);
  });
});

describe('docs/decisions.md', () => {
  const text = readDoc('docs/decisions.md');
  const decisions = [...text.matchAll(/^### (.+)\n\n(.*)$/gm)].map(([, title, status]) => ({
    title: title!,
    status: status!,
  }));

  it('says of each decision its status and month', () => {
    expect(decisions).to.have.length.above(50);
    for (const { title, status } of decisions)
      expect(status, title).to.match(
        /^_(Accepted(; since .+)?|Superseded by .+|To be replaced by .+) · [A-Z][a-z]+ 20\d\d_$/,
      );
  });

  it('lists them all, in their order', () => {
    const listed = [...text.matchAll(/^- \[(.+)\]\(#(.+)\)$/gm)].map(([, title]) => title);
    expect(listed).to.deep.equal(decisions.map(({ title }) => title));
    expect(anchorsOf(text).size).to.be.above(decisions.length);
  });
});
