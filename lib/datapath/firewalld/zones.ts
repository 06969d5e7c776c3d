import { z } from 'zod';
import type { SystemBus } from '../../os/system-bus.js';
import { planZones, type Passage, type FirewallZone, type ZoneStep } from './plan.js';

/** firewalld on the system's bus: its D-Bus interface, as in `man firewalld.dbus`. */
export const FIREWALLD = 'org.fedoraproject.FirewallD1';
export const FIREWALLD_PATH = '/org/fedoraproject/FirewallD1';
const ZONE = `${FIREWALLD}.zone`;

const names = z.array(z.string());
const settings = z.object({
  target: z.string().default('default'),
  interfaces: names.default([]),
  sources: names.default([]),
  rules_str: names.default([]),
});

const METHODS = {
  addInterface: 'changeZoneOfInterface',
  removeInterface: 'removeInterface',
  addRule: 'addRichRule',
  removeRule: 'removeRichRule',
} as const;

function callTo(bus: SystemBus, member: string, signature = '', ...body: unknown[]): Promise<unknown> {
  const isOfZones = member !== 'getDefaultZone';
  const call = { destination: FIREWALLD, path: FIREWALLD_PATH, interface: isOfZones ? ZONE : FIREWALLD };
  return bus.call({ ...call, member, ...(body.length > 0 && { signature, body }) });
}

async function readZones(bus: SystemBus): Promise<FirewallZone[]> {
  const standard = z.string().parse(await callTo(bus, 'getDefaultZone'));
  const zones: FirewallZone[] = [];
  for (const name of names.parse(await callTo(bus, 'getZones'))) {
    const found = settings.parse(await callTo(bus, 'getZoneSettings2', 's', name));
    zones.push({ ...found, name, isDefault: name === standard, rules: found.rules_str });
  }
  return zones;
}

/** What firewalld still lacks, or has too much of, for this to pass. Throws when it does not say. */
export async function missingSteps(bus: SystemBus, passage: Passage): Promise<ZoneStep[]> {
  return planZones(await readZones(bus), passage);
}

/** Only until firewalld's next reload or start: nothing of ours stays in its files. */
export async function letPass(bus: SystemBus, passage: Passage): Promise<ZoneStep[]> {
  const steps = await missingSteps(bus, passage);
  for (const step of steps) {
    const method = METHODS[step.do];
    if (step.do === 'addRule') await callTo(bus, method, 'ssi', step.zone, step.rule, 0);
    else await callTo(bus, method, 'ss', step.zone, 'rule' in step ? step.rule : step.device);
  }
  return steps;
}
