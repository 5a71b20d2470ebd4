/** Turns the library's own moments into occurrences. */
import { describeFailure } from '../core/errors.js';
import type { AuthDenied, DeliveryMoment, Nexus } from '../nexus.js';
import type { Occurrence, Quiet } from './alert.js';
import type { AlertsSettings } from './options.js';

/** What alerts look at: a Nexus. */
export type Watched = Pick<Nexus, 'on' | 'health' | 'stats' | 'deadLetters'>;

const STUCK_QUIET_MS = 600_000;
const STORAGE_QUIET_MS = 60_000;
/** Addresses whose refusals are counted at a time. */
const MOST_ADDRESSES = 1_000;
/** Looked at to find out whether a dead letter is left. */
const MOST_PAGES = 20;

/** Returns its end. */
export function watchMoments(
  nexus: Watched,
  { rules, includeMessages, clock }: AlertsSettings,
  news: { readonly occurred: (what: Occurrence) => void; readonly recovered: (fingerprint: string) => void },
): () => void {
  const ends: (() => void)[] = [];
  const failure = (error: unknown): Record<string, string> => {
    const { code, message } = describeFailure(error);
    return includeMessages ? { code, message: message.slice(0, 200) } : { code };
  };

  if (rules.deadLetters) {
    ends.push(
      nexus.on('delivery:dead', (moment) => {
        const { code } = describeFailure(moment.error);
        news.occurred({
          ...deadLetters(nexus, moment.reactor, code),
          details: { ...of(moment), reason: moment.reason, ...failure(moment.error) },
        });
      }),
      nexus.on('delivery:recovered', ({ state, reactor, deliveryId }) => {
        if (state !== 'dead') return;
        news.occurred({
          ...deadLetters(nexus, reactor, undefined),
          details: { reactor: reactor ?? 'unknown', delivery: deliveryId, reason: 'crashed' },
        });
      }),
    );
  }
  if (rules.stuckReactors) {
    ends.push(
      nexus.on('reactor:stuck', (moment) =>
        news.occurred({
          rule: 'stuck_reactor',
          severity: 'warning',
          fingerprint: `stuck:${moment.reactor}`,
          title: `reactor ${moment.reactor} does not return after its timeout`,
          details: of(moment),
          isOver: quietFor(STUCK_QUIET_MS),
        }),
      ),
    );
  }
  if (rules.storageErrors) {
    ends.push(
      nexus.on('storage:error', ({ error, retrying }) =>
        news.occurred({
          rule: 'storage_errors',
          severity: 'critical',
          fingerprint: 'storage',
          title: 'the storage fails',
          details: { ...failure(error), retrying: String(retrying) },
          isOver: async ({ quietMs }) =>
            quietMs >= STORAGE_QUIET_MS && (await nexus.health()).status !== 'down',
        }),
      ),
    );
  }
  if (rules.lostEvents) {
    ends.push(
      nexus.on('log:lost', ({ events, from, to }) =>
        news.occurred({
          rule: 'events_lost',
          severity: 'critical',
          fingerprint: `lost:${from}`,
          title: 'acknowledged events are missing from the log',
          details: { events: String(events), from: String(from), to: String(to) },
        }),
      ),
    );
  }
  if (rules.auditBreaks) {
    ends.push(
      nexus.on('audit:broken', ({ seq, reason, message, logId }) =>
        news.occurred({
          rule: 'audit_broken',
          severity: 'critical',
          fingerprint: `audit:${seq}`,
          title: 'the log is not what it was',
          details: { seq: String(seq), reason, message, log: logId },
        }),
      ),
    );
  }
  if (rules.disabledEndpoints) {
    ends.push(
      nexus.on('endpoint:disabled', ({ node, reason }) =>
        news.occurred({
          rule: 'endpoint_disabled',
          severity: 'warning',
          fingerprint: `endpoint:${node}`,
          title: `the webhook endpoint of ${node} is disabled`,
          details: { node, reason },
        }),
      ),
      nexus.on('endpoint:enabled', ({ node }) => news.recovered(`endpoint:${node}`)),
    );
  }
  if (rules.authFailures) {
    const refused = countRefusals(rules.authFailures, () => clock.now());
    const { withinMs } = rules.authFailures;
    ends.push(
      nexus.on('auth:denied', (denied) => {
        const count = refused(denied);
        if (count === 0) return;
        const { who, title } = suspect(denied);
        news.occurred({
          rule: 'auth_failures',
          severity: 'warning',
          fingerprint: `auth:${who}`,
          title,
          count,
          details: {
            reason: denied.reason,
            ...(denied.node !== undefined && { node: denied.node }),
            ...(denied.ip !== undefined && { address: denied.ip }),
          },
          isOver: quietFor(Math.max(withinMs * 5, 60_000)),
        });
      }),
    );
  }
  return () => ends.forEach((end) => end());
}

/** `code` is that of the error; undefined where the process died of it. */
function deadLetters(
  nexus: Watched,
  reactor: string | undefined,
  code: string | undefined,
): Omit<Occurrence, 'details'> {
  const [name, why] = [reactor ?? 'unknown', code ?? 'crashed'];
  const filter = {
    ...(reactor !== undefined && { reactor }),
    ...(code !== undefined && { errorCode: code }),
  };
  return {
    rule: 'dead_letters',
    severity: 'critical',
    fingerprint: `dead:${name}:${why}`,
    title: `dead letters of ${name} (${why})`,
    isOver: async () => {
      let after: string | undefined;
      // A page may be empty and have a next one.
      for (let page = 0; page < MOST_PAGES; page++) {
        const { items, next } = await nexus.deadLetters.list({
          ...filter,
          limit: 1,
          ...(after !== undefined && { after }),
        });
        if (items.length > 0) return false;
        if (next === undefined) return true;
        after = next;
      }
      return false;
    },
  };
}

/** How many refusals to tell of with this one: none before there were enough of them. */
function countRefusals(
  { count: enough, withinMs }: { readonly count: number; readonly withinMs: number },
  now: () => number,
): (denied: AuthDenied) => number {
  const seen = new Map<string, { since: number; count: number }>();
  return (denied) => {
    const { who } = suspect(denied);
    const at = now();
    let entry = seen.get(who);
    if (!entry || entry.since + withinMs <= at) {
      if (!entry && seen.size >= MOST_ADDRESSES) {
        const [oldest] = seen.keys();
        if (oldest !== undefined) seen.delete(oldest);
      }
      seen.delete(who);
      seen.set(who, (entry = { since: at, count: 0 }));
    }
    entry.count += 1;
    if (entry.count < enough) return 0;
    return entry.count === enough ? enough : 1;
  };
}

/** Whose it is: an address, for names can be made up; a node only where it has proven that it is one. */
function suspect({ node, reason, ip }: AuthDenied): { readonly who: string; readonly title: string } {
  if (reason === 'permission' && node !== undefined)
    return { who: `node:${node}`, title: `the node ${node} asks for what it may not` };
  const who = ip ?? 'unknown';
  return { who, title: `requests from ${who} do not prove who they are` };
}

function of({ reactor, eventType, eventId, deliveryId }: DeliveryMoment): Record<string, string> {
  return { reactor, type: eventType, event: eventId, delivery: deliveryId };
}

function quietFor(ms: number): (since: Quiet) => boolean {
  return ({ quietMs }) => quietMs >= ms;
}
