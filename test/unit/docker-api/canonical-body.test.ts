import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalBody } from '../../../lib/docker-api/canonical-body.js';

const canonical = (text: string, path = '/containers/create', method = 'POST') =>
  canonicalBody(method, path, Buffer.from(text)).toString();

describe('a JSON body on a call with hooks', () => {
  it('keeps every byte where it can be read in one way only', () => {
    for (const text of [
      '{}',
      ' { "Image" : "a" ,\n"Future": {"image": 9007199254740993, "Image": 1e400}, "HostConfig": null}\n',
      '{"Labels":{"a":"1","A":"2","image":"3"},"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"1"}]}}}',
      '{"Image":"a","Image":"b","Env":["x"],"Labels":{"l":"1","l":"2"},"HostConfig":{"Memory":1,"Memory":2}}',
      '{"Unknown":1,"Unknown":"2"}',
      '{"Dns":null,"Memory":null,"Cpuset":""}',
      '{"HostConfig":{"Memory":1},"Memory":0,"VolumeDriver":"","CpusetCpus":null,"MaskedPaths":[]}',
      '{"HostConfig":{},"Privileged":true,"Binds":["/:/h"]}',
      'null',
      '[]',
    ]) {
      expect(canonical(text)).to.equal(text);
    }
  });

  it('has the names of fields as Docker spells them', () => {
    for (const [sent, read] of [
      ['{"image":"a","HOSTCONFIG":{"networkmode":"x"}}', '{"Image":"a","HostConfig":{"NetworkMode":"x"}}'],
      ['{"\\u0068o\\u017ftConfig":{"Privileged":true}}', '{"HostConfig":{"Privileged":true}}'],
      [
        '{"Networ\u212aingconfig":{"endpointsconfig":{"Web":{"ipamconfig":{"ipv4address":"1"}}}}}',
        '{"NetworkingConfig":{"EndpointsConfig":{"Web":{"IPAMConfig":{"IPv4Address":"1"}}}}}',
      ],
      [
        '{"hostConfig":{"mounts":[{"source":"/"},{"TYPE":"bind"}],"portbindings":{"1/tcp":[{"hostip":"::"}]}}}',
        '{"HostConfig":{"Mounts":[{"Source":"/"},{"Type":"bind"}],"PortBindings":{"1/tcp":[{"HostIp":"::"}]}}}',
      ],
    ]) {
      expect(canonical(sent!)).to.equal(read);
    }
    expect(canonical('{"cmd":[]}', '/containers/x/y/exec')).to.equal('{"Cmd":[]}');
    expect(
      canonical('{"tasktemplate":{"containerspec":{"mounts":[{"type":"bind"}]}}}', '/services/create'),
    ).to.equal('{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind"}]}}}');
    expect(canonical('{"Username":"u"}', '/auth')).to.equal('{"username":"u"}');
    expect(canonical('{"cmd":[]}', '/unknown')).to.equal('{"cmd":[]}');
  });

  it('has the fields of HostConfig where Docker reads them', () => {
    for (const [sent, read] of [
      // Without a HostConfig all of them count, also those whose nothing is something.
      [
        '{"Image":"a","Dns":["1.1.1.1"], "privileged" : true}',
        '{"Image":"a","HostConfig":{"Dns":["1.1.1.1"],"Privileged":true}}',
      ],
      ['{"Dns":["1.1.1.1"],"Image":"a"}', '{"Image":"a","HostConfig":{"Dns":["1.1.1.1"]}}'],
      ['{"Memory":9007199254740993}', '{"HostConfig":{"Memory":9007199254740993}}'],
      ['{"HostConfig":null,"Runtime":"odd"}', '{"HostConfig":{"Runtime":"odd"}}'],
      ['{"MaskedPaths":[]}', '{"HostConfig":{"MaskedPaths":[]}}'],
      ['{"Init":false,"Dns":null}', '{"HostConfig":{"Init":false,"Dns":null}}'],
      ['{"privileged":true,"Privileged":false}', '{"HostConfig":{"Privileged":true,"Privileged":false}}'],
      // With one, five of them count, where it says nothing.
      ['{"HostConfig":{},"Memory":1}', '{"HostConfig":{"Memory":1}}'],
      [
        '{"memory":2,"HostConfig":{"Init":true,"memory":0},"VolumeDriver":"v","Privileged":true}',
        '{"HostConfig":{"Init":true,"Memory":2,"VolumeDriver":"v"},"Privileged":true}',
      ],
      ['{"HostConfig":{"CpuShares":7},"CpuShares":2}', '{"HostConfig":{"CpuShares":7}}'],
      ['{"HostConfig":{"Memory":null},"Memory":2,"Memory":null}', '{"HostConfig":{"Memory":2}}'],
      // The old name counts beside any HostConfig.
      ['{"Cpuset":"0"}', '{}'],
      ['{"cpuset":"0","HostConfig":{}}', '{"HostConfig":{"CpusetCpus":"0"}}'],
      ['{"Cpuset":"0","HostConfig":{"CpusetCpus":"1"}}', '{"HostConfig":{"CpusetCpus":"1"}}'],
      ['{"Cpuset":"0","CpusetCpus":"1"}', '{"HostConfig":{"CpusetCpus":"1"}}'],
      ['{"Cpuset":"0","Init":null}', '{"HostConfig":{"CpusetCpus":"0"}}'],
      ['{"Cpuset":"0","CpusetCpus":"","HostConfig":null}', '{"HostConfig":{"CpusetCpus":"0"}}'],
    ]) {
      expect(canonical(sent!), sent).to.equal(read);
    }
  });

  it('is refused where readers would differ', () => {
    for (const [text, message] of [
      ['{"HostConfig":{"Privileged":true},"HostConfig":{}}', 'says HostConfig twice'],
      ['{"HostConfig":{"Privileged":true},"hostconfig":{}}', 'says HostConfig twice'],
      ['{"Image":"a","image":"b"}', 'says Image twice'],
      ['{"Image":"a","Image":null}', 'says Image twice'],
      ['{"HostConfig":{"Mounts":[{"Source":"/"}],"Mounts":[{}]}}', 'says HostConfig.Mounts twice'],
      ['{"Labels":{"a":"b"},"Labels":{}}', 'says Labels twice'],
      ['{"HostConfig":"{}","Privileged":true}', 'has Privileged: expected HostConfig.Privileged'],
      ['{"HostConfig":{},"HostConfig":null,"Privileged":true}', 'says HostConfig twice'],
      ['{"Binds":["/:/h"],"binds":["/:/g"]}', 'says HostConfig.Binds twice'],
      ['{"Privileged":true,"privileged":null}', 'says HostConfig.Privileged twice'],
      ['{"Unknown":{},"Unknown":{}}', 'says Unknown twice'],
      ['{"Image":"a"} {}', 'is not valid JSON'],
      ['{"Image":"a"}x', 'is not valid JSON'],
      ['{"Image":"a",}', 'is not valid JSON'],
      ['{"Image":"a"/**/}', 'is not valid JSON'],
      ["{'Image':'a'}", 'is not valid JSON'],
      ['\ufeff{}', 'is not valid JSON'],
      ['{', 'is not valid JSON'],
      ['', 'is not valid JSON'],
      ['['.repeat(100_000), 'is nested too deeply'],
      [`${'['.repeat(2000)}${']'.repeat(2000)}`, 'is nested too deeply'],
      ['{"Labels":{"a\\ud800":"1","a\\ufffd":"2"}}', 'half a character'],
      ['{"User":"\\udc00"}', 'half a character'],
    ] as const) {
      expect(() => canonical(text), text.slice(0, 80)).to.throw(message);
    }
  });

  it('is refused where it is not UTF-8: each reader has its own way with broken bytes', () => {
    for (const bytes of [[0xff], [0xe2, 0x82], [0xed, 0xa0, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"User":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(() => canonicalBody('POST', '/containers/create', body)).to.throw('is not valid UTF-8');
    }
  });

  it('is read in one go, however many fields it has', () => {
    const text = `{${'"Privileged":true,'.repeat(200_000)}"HostConfig":{}}`;
    expect(canonical(text)).to.equal(text);
  });

  it('is refused, or is what JSON.parse makes of it and stays so', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const body = fc.dictionary(
      fc.constantFrom('Image', 'image', 'HostConfig', 'hostconfig', 'Labels', 'Memory', 'x', '__proto__'),
      fc.oneof(value, fc.dictionary(fc.constantFrom('Memory', 'memory', 'Binds', 'y'), value)),
    );
    fc.assert(
      fc.property(body, (document) => {
        let text: string;
        try {
          text = canonical(JSON.stringify(document));
        } catch (error) {
          expect(String(error)).to.match(/twice|expected HostConfig/);
          return;
        }
        expect(canonical(text)).to.equal(text);
        expect(Object.keys(JSON.parse(text) as object)).to.not.include.members(['image']);
      }),
    );
  });
});
