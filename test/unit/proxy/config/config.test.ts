import { expect } from 'chai';
import { describeConfig } from '../../../../lib/proxy/config/check.js';
import { readProxyConfig } from '../../../../lib/proxy/config/config.js';
import { proxyOptions } from '../../../support/proxy/harness.js';

const VALID = `version: 1
endpoints:
  "POST /containers/create": { pre: [quota] }
adapters:
  quota: http://quota/hook
`;

function mistake(yaml: string): string {
  try {
    proxyOptions(yaml);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

describe('proxy.yml', () => {
  it('needs nothing but its version', () => {
    const config = proxyOptions('version: 1');
    expect(config.listen.map(({ text }) => text)).to.deep.equal(['unix:///run/socketplane/docker.sock']);
    expect(config.upstream.text).to.equal('unix:///var/run/docker.sock');
    expect(config.limits).to.deep.equal({ hookBody: 8 * 1024 * 1024, adapterTimeout: 30_000 });
    expect(config.buildkit).to.equal('allow');
  });

  it('has a socket for traces, another one, or none', () => {
    expect(proxyOptions('version: 1').trace?.text).to.equal('unix:///run/socketplane/trace.sock');
    expect(proxyOptions('version: 1\ntrace: unix:///x.sock').trace?.text).to.equal('unix:///x.sock');
    expect(proxyOptions('version: 1\ntrace: off').trace).to.equal(undefined);
  });

  it('reads a Powerstrip file as it is', () => {
    const config = proxyOptions(`version: 1
endpoints:
  "POST /*/containers/create":
    pre: [flocker, weave]
  "POST /*/containers/*/start":
    post: [weave]
adapters:
  flocker: http://flocker/flocker-plugin
  weave: http://weave/weave-plugin
`);
    expect(config.endpoints).to.deep.equal([
      { pattern: 'POST /*/containers/create', pre: ['flocker', 'weave'], post: [] },
      { pattern: 'POST /*/containers/*/start', pre: [], post: ['weave'] },
    ]);
  });

  it('reads sizes, times, addresses and sockets', () => {
    const config = proxyOptions(`version: 1
listen: ['tcp://127.0.0.1:2375', 'tcp://[::1]:2375']
limits: { hookBody: 512KiB, adapterTimeout: 1m }
adapters:
  a: { url: http+unix://%2Frun%2Fa.sock/adapter, timeout: 500ms, onFailure: ignore }
  b: http+unix://%2frun%2fb.sock
`);
    expect(config.limits).to.deep.equal({ hookBody: 512 * 1024, adapterTimeout: 60_000 });
    expect(config.listen[1]).to.include({ host: '::1', port: 2375 });
    expect(config.adapters.get('a')).to.deep.include({ timeout: 500, onFailure: 'ignore' });
    expect(config.adapters.get('a'))
      .to.have.property('url')
      .that.deep.includes({
        connect: { socketPath: '/run/a.sock' },
        path: '/adapter',
      });
    expect(config.adapters.get('b'))
      .to.have.property('url')
      .that.deep.includes({
        connect: { socketPath: '/run/b.sock' },
        path: '/',
      });
  });

  const refused: [what: string, yaml: string, expected: RegExp][] = [
    ['no version', 'listen: []', /version: expected version: 1/],
    ['another version', 'version: 2', /proxy\.yml:1: version: expected version: 1/],
    ['an unknown key', `${VALID}reload: true\n`, /"reload"/],
    ['TLS without a key', 'version: 1\ntls: { cert: /c }', /:2: tls\.key: expected the absolute path/],
    ['TLS without a certificate', "version: 1\nlisten: ['tls://127.0.0.1:1']", /expected tls: \{ cert/],
    [
      'TLS for everybody',
      "version: 1\nlisten: ['tls://0.0.0.0:1']\ntls: { cert: /c, key: /k }",
      /listen\.0: .*expected tls\.ca/,
    ],
    [
      'half a client certificate',
      'version: 1\nupstreamTls: { cert: /c }',
      /expected cert and key, or neither/,
    ],
    [
      'an unknown key of an adapter',
      'version: 1\nadapters: { a: { url: http://a, retries: 2 } }',
      /adapters\.a.*"retries"/,
    ],
    [
      'another protocol',
      'version: 1\nadapters: { a: { url: http://a, protocol: 3 } }',
      /adapters\.a\.protocol: expected 1 or 2/,
    ],
    [
      'a module that is not there',
      'version: 1\nadapters: { a: ./a.js }',
      /proxy\.yml:2: adapters\.a: cannot find \.\/a\.js: expected a module/,
    ],
    [
      'a package that is not there',
      'version: 1\nadapters: { a: { module: no-such-package/x } }',
      /proxy\.yml:2: adapters\.a: cannot find no-such-package\/x/,
    ],
    [
      'a module with a protocol',
      'version: 1\nadapters: { a: { module: ./a.js, protocol: 2 } }',
      /adapters\.a: .*"protocol"/,
    ],
    ['a URL with a password', 'version: 1\nadapters: { a: "http://u:p@a/" }', /adapters\.a.*expected a URL/],
    [
      'a bad escape in a socket',
      'version: 1\nadapters: { a: "http+unix://%2Fa%zz/" }',
      /adapters\.a.*expected a URL/,
    ],
    [
      'an adapter that is not defined',
      VALID.replace('[quota]', '[quota, quato]'),
      /proxy\.yml:3: endpoints\.POST \/containers\/create\.pre\.1: adapter quato is not defined/,
    ],
    ['an adapter twice', VALID.replace('[quota]', '[quota, quota]'), /proxy\.yml:3: .*named twice/],
    [
      'an endpoint without hooks',
      VALID.replace('pre: [quota]', 'pre: []'),
      /proxy\.yml:3: .*expected adapters under pre or post/,
    ],
    [
      'an endpoint twice',
      VALID.replace('adapters:', '  "POST /containers/create": { post: [quota] }\nadapters:'),
      /proxy\.yml:4: .*unique/i,
    ],
    ['a pattern without method', VALID.replace('POST ', ''), /expected a method and a path/],
    ['a method in lower case', VALID.replace('POST', 'post'), /expected a method and a path/],
    ['an unclosed bracket', VALID.replace('create', '[create'), /expected a shell glob/],
    ['a reversed range', VALID.replace('create', '[z-a]'), /expected a shell glob/],
    ['braces', VALID.replace('create', '{create,start}'), /expected a shell glob/],
    [
      'a listener for everybody',
      "version: 1\nlisten: ['tcp://0.0.0.0:2375']",
      /proxy\.yml:2: listen\.0: .*insecure: true/,
    ],
    ['a listener for a name', "version: 1\nlisten: ['tcp://docker.example:2375']", /insecure: true/],
    [
      'the same listener twice',
      "version: 1\nlisten: ['unix:///a', 'unix:///a']",
      /listen\.1: is listed twice/,
    ],
    ['itself as upstream', "version: 1\nlisten: ['unix:///a']\nupstream: unix:///a", /call itself/],
    ['a relative socket', "version: 1\nlisten: ['unix://a']", /listen\.0: expected unix:\/\/\/path/],
    ['a port out of range', "version: 1\nlisten: ['tcp://127.0.0.1:70000']", /listen\.0: expected unix:/],
    ['a size without unit', 'version: 1\nlimits: { hookBody: 8 }', /limits\.hookBody: expected a size/],
    [
      'a time of nothing',
      'version: 1\nlimits: { adapterTimeout: 0s }',
      /limits\.adapterTimeout: expected a time/,
    ],
    [
      'a time that no timer can wait for, and that would be over at once',
      'version: 1\nlimits: { adapterTimeout: 99999m }',
      /limits\.adapterTimeout: expected a time .*of 24 days at most/,
    ],
    ['broken YAML', 'version: 1\nlisten: [', /^proxy\.yml:2: /],
  ];
  for (const [what, yaml, expected] of refused) {
    it(`refuses ${what}`, () => expect(mistake(yaml)).to.match(expected).and.not.include('\n'));
  }

  it('accepts a listener for everybody when it is spelled out', () => {
    expect(proxyOptions("version: 1\nlisten: ['tcp://0.0.0.0:2375']\ninsecure: true").listen).to.have.length(
      1,
    );
  });

  it('is valid as it comes with the project', async () => {
    const { calls, warnings } = describeConfig(await readProxyConfig('proxy.yml'));
    expect(calls).to.deep.include({
      call: 'POST /containers/create',
      pre: ['socketplane'],
      post: ['socketplane'],
    });
    expect(calls).to.deep.include({
      call: 'DELETE /networks/{id}',
      pre: ['socketplane-networks'],
      post: ['socketplane-networks'],
    });
    expect(calls).to.have.length(12);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/BuildKit/);
  });

  it('warns of post-hooks on streams', () => {
    const { warnings } = describeConfig(
      proxyOptions(
        'version: 1\nbuildkit: deny\nendpoints: { "GET /*": { post: [a] } }\nadapters: { a: http://a }',
      ),
    );
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/GET \/\*: post-hooks do not run on streams.*GET \/events/);
  });

  it('warns of what has no effect', () => {
    const { calls, warnings } = describeConfig(
      proxyOptions(
        'version: 1\nbuildkit: deny\nendpoints: { "POST /container/create": { pre: [a] } }\nadapters: { a: http://a, b: http://b }',
      ),
    );
    expect(calls).to.deep.equal([]);
    expect(warnings).to.deep.equal([
      'POST /container/create: matches no known call of Docker',
      'adapter b: no endpoint uses it',
    ]);
  });

  it('shows no post-hooks of streams', () => {
    const { calls } = describeConfig(
      proxyOptions(
        'version: 1\nendpoints: { "POST /*/attach": { pre: [a], post: [a] } }\nadapters: { a: http://a }',
      ),
    );
    expect(calls).to.deep.equal([{ call: 'POST /containers/{id}/attach', pre: ['a'], post: [] }]);
  });
});
