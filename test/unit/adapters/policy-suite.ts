import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import policy from '../../../adapters/policy/index.js';
import { adapterKit, type Kit, type KitResult } from '../../../lib/adapter/testing.js';

export const IMAGE = 'busybox:1.36';

/** The adapter with rules of its own for each test, in a folder of its own. */
export function usePolicy() {
  let directory: string;
  let kit: Kit;

  beforeEach(() => (directory = realpathSync(mkdtempSync(join(tmpdir(), 'policy-test-')))));
  afterEach(async () => {
    await kit?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function rules(text: string, settings: object = {}): Promise<void> {
    writeFileSync(join(directory, 'policy.yml'), text);
    kit = await adapterKit(policy, {
      name: 'policy',
      options: { rules: 'policy.yml' },
      directory,
      ...settings,
    });
  }
  const post = (path: string, body?: unknown, uid = 1000) =>
    kit.call({
      method: 'POST',
      path,
      body,
      caller: { Transport: 'unix', Uid: uid, Gid: 1000, Pid: 1 },
    });
  const create = (HostConfig: object, Image = IMAGE) =>
    post('/v1.45/containers/create', { Image, HostConfig });

  /** The rules that were broken; Docker must not have heard of it. */
  function broken({ refused, failed, docker, client }: KitResult): string[] {
    expect(failed).to.equal(undefined);
    if (refused === undefined) {
      expect(docker, 'Docker is asked').to.not.equal(undefined);
      return [];
    }
    expect(docker, 'Docker is not asked').to.equal(undefined);
    expect(client).to.deep.include({ status: 403, body: { message: `adapter policy: ${refused}` } });
    return refused.split('; ').map((part) => part.split(':')[0]!);
  }

  return { rules, post, create, broken, directory: () => directory, kit: () => kit };
}
