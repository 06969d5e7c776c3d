/**
 * Which room may import which. A room sees only what stands below it in these lists, never what stands beside or above it,
 * and no file takes part in a circle; type imports count too. Each room has a rule of its own, so that a complaint names it.
 * docs/architecture.md draws the same order.
 */

/** Folders of lib/, the lowest first. */
const LIB = [
  ['base'],
  ['concurrency', 'hook', 'json'],
  ['docker-api', 'os'],
  ['config', 'docker', 'plugin', 'store'],
  ['datapath', 'ipam', 'proxy'],
  ['adapter', 'cluster', 'dns', 'install', 'metrics', 'network'],
  ['doctor', 'endpoints'],
  ['driver'],
  ['agent'],
  ['api'],
  ['ui'],
  ['cli'],
];

/** The same within the rooms that contain rooms; loose files there either tie these together or lie below them all. */
const INSIDE = {
  'lib/proxy': [['config', 'http'], ['client', 'upstream'], ['fast', 'hooks'], ['observe'], ['calls']],
  'lib/datapath': [['openflow'], ['vswitch'], ['flows'], ['firewalld', 'kernel']],
  'lib/cluster': [['consul', 'discovery'], ['admission', 'hosts', 'identity'], ['servers'], ['membership']],
};

function order(folder, layers) {
  return layers.flatMap((rooms, level) =>
    rooms.flatMap((room) => {
      const others = layers
        .slice(level)
        .flat()
        .filter((other) => other !== room);
      if (others.length === 0) return [];
      const rule = {
        name: `${folder}/${room}`,
        comment: `imports go down: ${folder}/${room} knows nothing of ${others.join(', ')}`,
        severity: 'error',
        from: { path: `^${folder}/${room}/` },
        to: { path: `^${folder}/(${others.join('|')})/` },
      };
      return [rule];
    }),
  );
}

module.exports = {
  forbidden: [
    ...order('lib', LIB),
    ...Object.entries(INSIDE).flatMap(([folder, layers]) => order(folder, layers)),
    {
      name: 'no-circle',
      comment: 'files that import each other can only be read together',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'entries',
      comment: 'the files loose in lib/ are programs: nothing imports them',
      severity: 'error',
      from: {},
      to: { path: '^lib/[^/]+\\.ts$' },
    },
    {
      name: 'adapters-below-agent',
      comment: 'the REST API and the programs put adapters to use; nothing else knows one',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(api/|[^/]+\\.ts$)' },
      to: { path: '^adapters/' },
    },
    {
      name: 'adapters',
      comment: 'an adapter knows the kit and what it acts on, never the proxy or who puts it to use',
      severity: 'error',
      from: { path: '^adapters/' },
      to: { path: '^lib/(proxy|agent|api|ui|cli|install|doctor|cluster)/' },
    },
    {
      name: 'sample-adapters',
      comment: 'what a newcomer copies is written against the public kit alone',
      severity: 'error',
      from: { path: '^adapters/(audit|inject)/' },
      to: { path: '^(lib|adapters)/', pathNot: ['^lib/adapter/index', '^adapters/$1/'] },
    },
    {
      name: 'rest-above-runtime',
      comment: "what the agent does is not HTTP's business: REST sits on its services",
      severity: 'error',
      from: { path: '^lib/(agent|endpoints|network|ipam|datapath|store|dns)/' },
      to: { path: 'node_modules/express' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
};
