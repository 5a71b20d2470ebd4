/** Which troubles there are, what has been told of them, and when there is more to tell. Bounded, and a matter of instants alone. */
import type { AlertNotice, Occurrence, Quiet } from './alert.js';

export interface Incidents {
  occurred(what: Occurrence, now: number): void;
  recovered(fingerprint: string, now: number): void;
  /** Those that are not over, and how to find out whether they are. */
  open(
    now: number,
  ): readonly { readonly fingerprint: string; readonly isOver: () => boolean | Promise<boolean> }[];
  /** When there is something to tell; undefined: nothing. */
  nextAt(): number | undefined;
  /** What there is to tell: what is due (with what is still gathering), or everything. */
  take(now: number, all?: boolean): Taken;
}

/** Notices on their way. */
export type Taken = {
  readonly notices: readonly AlertNotice[];
  /** They were told. */
  told(): void;
  /** They were not: they are told next time, with what has been added. */
  putBack(): void;
};

/** Fingerprints at a time; what is more is told under one of its rule. */
const MOST = 200;

type Incident = Omit<Occurrence, 'count'> & {
  /** Not told yet. */
  count: number;
  total: number;
  firstAt: number;
  lastAt: number;
  /** When it was told last; undefined: never. */
  toldAt: number | undefined;
  /** Whether it was told since it was raised. */
  known: boolean;
  /** When it was over, until that is told. */
  overAt: number | undefined;
  /** Over, and told: kept so that it is not raised again within the window. */
  closed: boolean;
};

export function createIncidents({
  windowMs,
  gatherMs,
}: {
  readonly windowMs: number;
  readonly gatherMs: number;
}): Incidents {
  const incidents = new Map<string, Incident>();

  const raise = (what: Occurrence, now: number): Incident => {
    const known = incidents.get(what.fingerprint);
    const incident: Incident = {
      ...what,
      count: 0,
      total: 0,
      firstAt: now,
      lastAt: now,
      toldAt: known?.toldAt,
      known: false,
      overAt: undefined,
      closed: false,
    };
    incidents.set(what.fingerprint, incident);
    return incident;
  };

  const forget = (now: number): void => {
    for (const [fingerprint, { closed, toldAt = 0 }] of incidents)
      if (closed && toldAt + windowMs <= now) incidents.delete(fingerprint);
  };

  const readyAt = (incident: Incident): number | undefined => {
    const { closed, known, count, overAt, lastAt, firstAt, toldAt } = incident;
    if (closed) return undefined;
    if (overAt !== undefined) return overAt + gatherMs;
    if (count === 0) return undefined;
    const gathered = (known ? lastAt : firstAt) + gatherMs;
    return toldAt === undefined ? gathered : Math.max(gathered, toldAt + windowMs);
  };

  const noticeOf = (incident: Incident): AlertNotice => {
    const { rule, severity, fingerprint, title, details, count, total, firstAt, lastAt } = incident;
    const state = incident.overAt !== undefined ? 'recovered' : incident.known ? 'ongoing' : 'raised';
    return { state, rule, severity, fingerprint, title, count, total, firstAt, lastAt, details };
  };

  return {
    occurred: (what, now) => {
      forget(now);
      const full = !incidents.has(what.fingerprint) && incidents.size >= MOST;
      const said = full ? rest(what) : what;
      const known = incidents.get(said.fingerprint);
      const incident = known && !known.closed ? known : raise(said, now);
      const { count = 1 } = what;
      incident.count += count;
      incident.total += count;
      incident.lastAt = now;
      incident.overAt = undefined;
      Object.assign(incident, { details: said.details, isOver: said.isOver });
    },
    recovered: (fingerprint, now) => {
      const incident = incidents.get(fingerprint);
      if (incident && !incident.closed) incident.overAt ??= now;
    },
    open: (now) =>
      [...incidents.values()]
        .filter(({ closed, overAt }) => !closed && overAt === undefined)
        .map(({ fingerprint, isOver, lastAt }) => ({
          fingerprint,
          isOver: () => isOver?.({ quietMs: now - lastAt }) ?? false,
        })),
    nextAt: () => {
      let next: number | undefined;
      for (const incident of incidents.values()) {
        const ready = readyAt(incident);
        if (ready !== undefined && (next === undefined || ready < next)) next = ready;
      }
      return next;
    },
    take: (now, all = false) => {
      forget(now);
      const taken = [...incidents.values()].filter((incident) => {
        const ready = readyAt(incident);
        if (ready === undefined) return false;
        // What is new goes with what is sent anyway.
        return all || ready <= now || (!incident.known && incident.toldAt === undefined);
      });
      const told = taken.map((incident) => ({ incident, notice: noticeOf(incident), over: incident.overAt }));
      for (const { incident } of told) incident.count = 0;
      told.sort((a, b) => order[a.notice.state] - order[b.notice.state]);
      return {
        notices: told.map(({ notice }) => notice),
        told: () => {
          for (const { incident, over } of told) {
            incident.toldAt = now;
            incident.known = true;
            // It may have happened again meanwhile.
            if (over !== undefined && incident.overAt === over) incident.closed = true;
            else if (over !== undefined) Object.assign(incident, { known: false, firstAt: incident.lastAt });
          }
        },
        putBack: () => {
          for (const { incident, notice } of told) incident.count += notice.count;
        },
      };
    },
  };
}

const order = { raised: 0, ongoing: 1, recovered: 2 } as const;

/** Too many different ones: they are counted together. */
function rest({ rule, severity, details }: Occurrence): Occurrence {
  return {
    rule,
    severity,
    fingerprint: `${rule}:other`,
    title: `others of ${rule.replace('_', ' ')}`,
    details,
    isOver: ({ quietMs }: Quiet) => quietMs >= 600_000,
  };
}
