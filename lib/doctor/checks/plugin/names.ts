import { decode, encode, RECURSION_DESIRED, type RecordType } from 'dns-packet';
import { messageOf } from '../../../base/errors.js';
import { reasonOf, type Run } from '../../../os/exec.js';
import { isAboutName } from '../../../dns/verdict.js';
import { ok, type Check, type Finding } from '../../check.js';

/** A container that can ask, one for each network. */
export interface Asking {
  name: string;
  pid: string;
  ip: string;
  network: string;
  gateway: string;
}

const WAIT_MS = 3_000;

/** Asks port 53 of an address, and prints the answer; it runs in the network of a container, whose image may have nothing to ask with. */
const ASK = `
const [server, question] = process.argv.slice(1);
const fail = ({ message }) => { console.error(message); process.exit(1); };
const socket = require('node:dgram').createSocket('udp4').on('error', fail);
setTimeout(() => fail({ message: 'no answer within ${WAIT_MS / 1000} s' }), ${WAIT_MS});
socket.on('message', (answer) => { console.log(answer.toString('hex')); process.exit(0); });
socket.connect(53, server, () => socket.send(Buffer.from(question, 'hex')));
`;

/**
 * Whether containers find each other by name, and the outside: what the agent says of the name servers, what a container is
 * answered, and what each of the host's own name servers says.
 */
export function namesCheck(options: {
  run: Run;
  /** What the agent says, `ok` or a problem. */
  state: () => Promise<string>;
  containers: () => Promise<readonly Asking[]>;
  /** Addresses of the host's name servers. */
  resolvers: () => Promise<readonly string[]>;
  /** Asks one of them. */
  ask: (resolver: string, question: Buffer) => Promise<Buffer>;
  converge: () => Promise<unknown>;
  /** How the user calls the command. */
  command: string;
}): Check {
  const { run, state, containers, resolvers, ask, converge, command } = options;

  const within = (pid: string, ...argv: string[]) => run(['nsenter', `--net=/proc/${pid}/ns/net`, ...argv]);

  async function ofAgent(): Promise<Finding[]> {
    const said = await state();
    if (said.startsWith('ok')) return [];
    const advice = `\`${command} agent stop\` and \`agent start\`: containers stay connected; \`agent logs\` says more`;
    return [{ level: 'problem', message: said, advice }];
  }

  async function ofContainer({ name, pid, ip, network, gateway }: Asking): Promise<Finding[]> {
    const problem = (message: string): Finding[] => [
      {
        level: 'problem',
        message: `${name} asks its name server ${gateway} on ${network}: ${message}`,
        advice: `see whether the host's firewall lets in what containers ask (\`iptables -S INPUT\`), and \`${command} doctor --fix\``,
        fix: converge,
      },
    ];
    const asked = question(name, 'A').toString('hex');
    try {
      const { answers = [] } = decode(
        Buffer.from((await within(pid, process.execPath, '-e', ASK, gateway, asked)).trim(), 'hex'),
      );
      const isOurs = answers.some((record) => record.type === 'A' && record.data === ip);
      return isOurs ? [] : problem(`another one answers, which does not know it`);
    } catch (error) {
      return problem(reasonOf(error));
    }
  }

  async function ofResolvers(): Promise<Finding[]> {
    const all = await resolvers();
    const said = await Promise.all(
      all.map(async (resolver) => {
        // Whoever resolves names knows the root's name servers.
        const answer = await ask(resolver, question('.', 'NS')).catch(messageOf);
        if (typeof answer === 'string') return `${resolver} does not answer (${answer})`;
        return isAboutName(answer) ? undefined : `${resolver} answers ${rcodeIn(answer)}`;
      }),
    );
    const failed = said.filter((one) => one !== undefined);
    if (failed.length === 0) return [];
    const none = failed.length === all.length;
    return [
      {
        level: none ? 'problem' : 'warning',
        message: `name servers of this host: ${failed.join(', ')}${none ? ': nothing outside is found by name' : '; the others are asked'}`,
        advice: 'see /etc/resolv.conf',
      },
    ];
  }

  return {
    name: 'names',
    // Without it nothing that a container asks arrives.
    needs: 'Open vSwitch',
    async inspect() {
      const own = await ofAgent();
      // Without a name server no container is answered.
      const inside = own.length > 0 ? [] : await Promise.all((await containers()).map(ofContainer));
      const found = [...own, ...inside.flat(), ...(await ofResolvers())];
      return found.length > 0 ? found : [ok('are answered')];
    },
  };
}

function question(name: string, type: RecordType & ('A' | 'NS')): Buffer {
  return encode({ type: 'query', id: 1, flags: RECURSION_DESIRED, questions: [{ name, type, class: 'IN' }] });
}

function rcodeIn(answer: Buffer): string {
  try {
    return (decode(answer) as { rcode?: string }).rcode ?? 'nothing';
  } catch {
    return 'junk';
  }
}
