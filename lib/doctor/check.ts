/** What a check has found, in one line, and what to do about it. */
export interface Finding {
  level: 'ok' | 'warning' | 'problem' | 'skipped';
  message: string;
  /** What to do. */
  advice?: string;
  /** Repairs it, without harm to anything that works. */
  fix?: () => Promise<unknown>;
}

/** Looks at one thing that may be wrong with a host. Throws when it cannot look. */
export interface Check {
  name: string;
  /** Name of the check that must succeed first. */
  needs?: string;
  inspect(): Promise<Finding[]>;
}

export const ok = (message: string): Finding => ({ level: 'ok', message });
