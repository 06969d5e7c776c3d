import { expect } from 'chai';
import { z } from 'zod';
import { parseYaml } from '../../../lib/config/yaml.js';

const schema = z.strictObject({
  name: z.string().default('x'),
  inner: z.strictObject({ size: z.number() }).optional(),
});
const parse = (text: string) => {
  try {
    return parseYaml('agent.yml', text, schema);
  } catch (error) {
    return (error as Error).message;
  }
};

describe('configuration files', () => {
  it('may be empty', () => expect(parse('')).to.deep.equal({ name: 'x' }));

  it('name file, line, path and what was expected', () => {
    expect(parse('name: y\ninner:\n  size: big\n')).to.match(/^agent\.yml:3: inner\.size: .*expected number/);
    expect(parse('name: y\nnmae: z\n')).to.match(/^agent\.yml.*Unrecognized key: "nmae"/);
    expect(parse('name: 1\ninner: {}\n')).to.match(/agent\.yml:1: name: .*; agent\.yml:2: inner\.size: /);
    expect(parse('- 1\n')).to.match(/^agent\.yml: .*expected object/);
    expect(parse('name: "open\n')).to.match(/^agent\.yml:\d+: /);
  });
});
