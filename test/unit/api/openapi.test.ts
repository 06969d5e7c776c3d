import { expect } from 'chai';
import type { Router } from 'express';
import { openApi } from '../../../lib/api/openapi/document.js';
import { VERSION } from '../../../lib/base/version.js';
import { serveApi } from '../../support/api-on-fakes.js';
import { createOpenApiCheck, readOpenApi } from '../../support/openapi.js';

describe('docs/openapi.yml', () => {
  it('is what lib/api says: `npm run openapi` writes it', () => {
    expect(readOpenApi()).to.deep.equal(JSON.parse(JSON.stringify(openApi(VERSION))));
  });

  it('has the calls that the agent has, and no others', async () => {
    const api = await serveApi();
    await api.close();
    const real = api.routers.flatMap(callsOf).sort();
    const documented = Object.entries(readOpenApi().paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
      .sort();
    const advice = 'each route needs an entry in lib/api/openapi/operations.ts, then `npm run openapi`';
    expect(real, advice).to.deep.equal(documented);
  });

  it('knows a wrong answer when it sees one', () => {
    const check = createOpenApiCheck();
    const answer = (text: string, path = '/networks/web') => ({
      ...{ method: 'GET', path, status: 200, type: 'application/json; charset=utf-8', text },
    });
    const network = { id: 'web', subnet: '10.9.0.0/16', gateway: '10.9.0.1', vni: 1 };
    check(answer(JSON.stringify([network]), '/networks'));
    expect(() => check(answer(JSON.stringify([{ ...network, more: 1 }]), '/networks'))).to.throw(
      'additional',
    );
    expect(() => check(answer('[{}]', '/networks'))).to.throw('required');
    expect(() => check({ ...answer('', '/networks'), status: 202 })).to.throw('not in docs/openapi.yml');
    expect(() => check(answer('{}', '/unheard'))).to.throw('lib/api/openapi/operations.ts');
    expect(() => check({ ...answer('x'), type: 'text/plain' })).to.throw('text/plain');
  });
});

interface Layer {
  route?: { path: string; stack: { method: string }[] };
  handle: { stack?: Layer[] };
}

/** `get /networks/{id}` and the like, of a router and those in it. */
function callsOf(router: Router): string[] {
  const walk = (layers: Layer[]): string[] =>
    layers.flatMap(({ route, handle }) =>
      route
        ? route.stack.map(({ method }) => `${method} ${route.path.replace(/:(\w+)/g, '{$1}')}`)
        : walk(handle.stack ?? []),
    );
  return walk(router.stack as unknown as Layer[]);
}
