import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { policyRules } from '../../../adapters/policy/rules.js';
import { parseYaml, readYaml } from '../../../lib/config/yaml.js';
import { proxyConfig } from '../../../lib/proxy/config/config.js';
import { docBlocks, ROOT } from '../../support/doc-blocks.js';

/** Adapters of this package as they are here, built or not. */
const ours = (text: string) =>
  text.replaceAll(/socketplane\/adapters\/(\w+)/g, (_, name: string) =>
    join(ROOT, `adapters/${name}/index.ts`),
  );

describe('configurations in the documents', () => {
  let directory: string;
  before(() => (directory = mkdtempSync(join(tmpdir(), 'docs-test-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const document of ['docs/adapters.md', 'docs/proxy.md']) {
    const blocks = docBlocks(document);
    const configs = blocks.filter(({ language, text }) => language === 'yaml' && /^version: 1$/m.test(text));
    it(`${document} has some`, () => expect(configs).to.not.have.length(0));
    for (const { text, line } of configs) {
      it(`${document}:${line}`, () => {
        writeFileSync(join(directory, 'inject.js'), '');
        for (const { file, text: code } of blocks) if (file) writeFileSync(join(directory, file), code);
        parseYaml(`${document}:${line}`, ours(text), proxyConfig(directory));
      });
    }
  }

  it('rules of the policy adapter', async () => {
    const [block] = docBlocks('docs/adapters.md').filter(({ file }) => file === 'policy.yml');
    parseYaml('policy.yml', block!.text, policyRules);
  });

  it('the file with all rules says what holds without it', async () => {
    const all = await readYaml(join(ROOT, 'adapters/policy/policy.yml'), policyRules);
    expect(all).to.deep.equal(policyRules.parse({}));
  });
});
