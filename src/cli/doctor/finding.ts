/** What a look at something found. */

export type Finding = {
  /** What was looked at. */
  readonly about: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly says: string;
  /** What to do, where something is to be done. */
  readonly cure?: string;
};

export function ok(about: string, says: string): Finding {
  return { about, state: 'ok', says };
}

export function warn(about: string, says: string, cure: string): Finding {
  return { about, state: 'warn', says, cure };
}

export function bad(about: string, says: string, cure: string): Finding {
  return { about, state: 'bad', says, cure };
}
