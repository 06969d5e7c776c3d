/** What a check has found: one line, what it means, and what to do about it. */
export interface Finding {
  level: 'ok' | 'warning' | 'problem' | 'skipped';
  message: string;
  /** What to do. */
  advice?: string;
  /** Puts it right without harm to anything that works. */
  fix?: () => Promise<unknown>;
}

/** One thing that may be wrong with a host. Throws where it cannot be looked at. */
export interface Check {
  name: string;
  /** The check without whose success there is nothing to look at. */
  needs?: string;
  inspect(): Promise<Finding[]>;
}

export const ok = (message: string): Finding => ({ level: 'ok', message });
