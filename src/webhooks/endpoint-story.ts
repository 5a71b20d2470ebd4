/**
 * What happened to endpoints, in the log: reserved events that all processes read, and that survive restarts. Each step is
 * said once, whoever says it, for its key names the step before.
 */
import type { DisabledReason, Dispatched, Nexus } from '../nexus.js';

export type Chapter = {
  readonly id: string;
  readonly kind: 'failing' | 'recovered' | 'disabled' | 'enabled';
  /** Epoch ms. */
  readonly at: number;
  /** Since when it has only failed, of `failing`; epoch ms. */
  readonly since: number | undefined;
  /** Of `disabled`. */
  readonly reason: DisabledReason | undefined;
};

export interface EndpointStory {
  last(node: string): Promise<Chapter | undefined>;
  /** Says what comes after a chapter. False when someone else has. */
  say(
    node: string,
    kind: Chapter['kind'],
    told: { readonly after: Chapter | undefined; readonly payload?: Readonly<Record<string, unknown>> },
  ): Promise<boolean>;
}

/** The engine's own way in, for types that nobody else can say. */
export type SayReserved = (said: {
  readonly type: string;
  readonly payload: unknown;
  readonly options: { readonly correlationId: string };
  readonly keys: readonly string[];
  readonly onOther: 'duplicate';
  readonly reserved: true;
}) => Promise<Dispatched>;

const TYPE = 'nexus.endpoint.';
const kinds = ['failing', 'recovered', 'disabled', 'enabled'] as const;

export function reactorName(node: string): string {
  return `webhook:${node}`;
}

export function createEndpointStory(events: Nexus['events'], say: SayReserved): EndpointStory {
  return {
    last: async (node) => {
      const { items } = await events.list({
        type: kinds.map((kind) => TYPE + kind),
        correlationId: reactorName(node),
        limit: 1,
      });
      const [event] = items;
      const kind = kinds.find((each) => event?.type === TYPE + each);
      if (!event || !kind) return undefined;
      const { since, reason } = event.payload as { since?: unknown; reason?: unknown };
      return {
        id: event.id,
        kind,
        at: event.timestamp,
        since: typeof since === 'number' ? since : undefined,
        reason: reason === 'gone' || reason === 'failing' || reason === 'operator' ? reason : undefined,
      };
    },
    say: async (node, kind, { after, payload = {} }) => {
      const { duplicate } = await say({
        type: TYPE + kind,
        payload: { node, ...payload },
        options: { correlationId: reactorName(node) },
        keys: [`endpoint:${node}:${kind}:${after?.id ?? 'first'}`],
        onOther: 'duplicate',
        reserved: true,
      });
      return !duplicate;
    },
  };
}
