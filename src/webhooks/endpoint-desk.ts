/** The endpoints, as an operator sees and steers them. */
import type { Clock } from '../core/clock.js';
import { NexusError } from '../core/errors.js';
import type {
  DisabledReason,
  EndpointDesk,
  EndpointInfo,
  NexusLifecycle,
  ReactorDesk,
  ReactorInfo,
} from '../nexus.js';
import type { EndpointHealth } from './endpoint-health.js';
import { reactorName, type EndpointStory } from './endpoint-story.js';
import type { Exchange } from './exchange.js';
import { messageOf } from './message.js';
import type { Target } from './target.js';
import { verdictOf } from './verdict.js';

export interface SteeredEndpoints extends EndpointDesk {
  readonly disableFor: (node: string, reason: DisabledReason) => Promise<void>;
}

export function createEndpointDesk(options: {
  clock: Clock;
  reactors: ReactorDesk;
  story: EndpointStory;
  health: EndpointHealth;
  exchange: Exchange;
  targets: () => readonly Target[];
  /** The host's own node. */
  host: string;
  newId: () => string;
  opened: () => Promise<unknown>;
  tell: <K extends 'endpoint:disabled' | 'endpoint:enabled'>(
    name: K,
    moment: () => NexusLifecycle[K],
  ) => void;
}): SteeredEndpoints {
  const { clock, reactors, story, health } = options;

  const targetNamed = (node: string): Target => {
    const target = options.targets().find((each) => each.node === node);
    if (target) return target;
    throw new NexusError('NEXUS_NOT_FOUND', `there is no node "${node}" with a webhook`, {
      details: { node },
    });
  };
  const rowOf = async (node: string): Promise<ReactorInfo> => {
    const row = (await reactors.list()).find(({ name }) => name === reactorName(node));
    if (row) return row;
    throw new NexusError(
      'NEXUS_NOT_FOUND',
      `the endpoint of ${node} has no reactor, for it is sent no type: see its subscribe and webhook.events`,
      { details: { node } },
    );
  };

  /** The event comes first: a crash between the two leaves an endpoint that fails again, never a pause without a reason. */
  const disable = async (node: string, reason: DisabledReason): Promise<void> => {
    const { paused } = await rowOf(node);
    const after = await story.last(node);
    if (paused && after?.kind === 'disabled') return;
    const ours = await story.say(node, 'disabled', { after, payload: { reason } });
    await reactors.pause(reactorName(node));
    health.changed(node);
    if (!ours) return;
    options.tell('endpoint:disabled', () => ({ node, reason }));
  };

  const infoOf = async (
    { node, url, types }: Target,
    rows: readonly ReactorInfo[],
  ): Promise<EndpointInfo> => {
    const reactor = reactorName(node);
    const row = rows.find(({ name }) => name === reactor);
    const chapter = await story.last(node);
    const disabled = row?.paused === true;
    const said = disabled && chapter?.kind === 'disabled' ? chapter : undefined;
    const successAt = await health.lastSuccessAt(node);
    return {
      node,
      url: url.href,
      types,
      reactor,
      state: disabled ? 'disabled' : 'enabled',
      reason: disabled ? (said?.reason ?? 'operator') : undefined,
      since: said?.at,
      failingSince: chapter?.kind === 'failing' ? (chapter.since ?? chapter.at) : undefined,
      lastSuccess: successAt === undefined ? undefined : { at: successAt },
      lastFailure: await health.lastFailure(node),
      position: row?.position ?? 0,
      lag: row?.lag ?? 0,
      counts: row?.counts ?? { pending: 0, running: 0, succeeded: 0, dead: 0, cancelled: 0 },
    };
  };

  return {
    disableFor: disable,
    list: async () => {
      const rows = await reactors.list();
      return await Promise.all(options.targets().map((target) => infoOf(target, rows)));
    },
    test: async (node) => {
      const target = targetNamed(node);
      await options.opened();
      const id = options.newId();
      const message = messageOf({
        id,
        type: 'nexus.ping',
        payload: {},
        timestamp: clock.now(),
        seq: 0,
        source: options.host,
      });
      const abort = new AbortController();
      const exchanged = await options.exchange({ target, message, delivery: `ping-${id}; attempt=1`, abort });
      const verdict = verdictOf(node, exchanged, 0);
      const ok = verdict.outcome === 'delivered';
      const { status, ms } = exchanged;
      const error = ok ? undefined : { code: verdict.error.code, message: verdict.error.message };
      return { ok, status, ms, error };
    },
    enable: async (node) => {
      targetNamed(node);
      const { paused } = await rowOf(node);
      if (!paused) return;
      const ours = await story.say(node, 'enabled', { after: await story.last(node) });
      health.changed(node);
      await reactors.resume(reactorName(node));
      if (ours) options.tell('endpoint:enabled', () => ({ node }));
    },
    disable: async (node) => {
      targetNamed(node);
      await disable(node, 'operator');
    },
  };
}
