/** The networks of every run. */
export const WEB = { id: 'web', subnet: '10.50.0.0/16' } as const;
/** So small that addresses are taken again soon, and all hosts take theirs from the same blocks. */
export const APPS = { id: 'apps', subnet: '10.60.0.0/25' } as const;

/** Of these, containers on all hosts ask for one by itself: one of them may have it. */
export const wantedAddress = (number: number): string => `10.50.200.${number}`;
export const WANTED = 8;
