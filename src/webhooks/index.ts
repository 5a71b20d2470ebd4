/** Webhooks: a node that has one gets a durable reactor, `webhook:<node>`, which follows what the node becomes. */
import type { Clock } from '../core/clock.js';
import { describeFailure, NexusError } from '../core/errors.js';
import { UUID_RANDOM_DIGITS, uuidv7 } from '../core/ids.js';
import type {
  EndpointDesk,
  LoggerLike,
  Nexus,
  NexusLifecycle,
  Reactor,
  ReactorDefinition,
} from '../nexus.js';
import type { NodeRegistry } from '../nodes/node-registry.js';
import type { HmacSha256 } from '../nodes/signatures.js';
import type { Storage } from '../storage/storage.js';
import { createDeliver, EndpointChanged, type OnTheirWay } from './deliverer.js';
import { createDialer, type Resolve } from './dialer.js';
import { createEndpointDesk } from './endpoint-desk.js';
import { createEndpointHealth } from './endpoint-health.js';
import { createEndpointStory, reactorName, type SayReserved } from './endpoint-story.js';
import { createExchange } from './exchange.js';
import { webhookRetry } from './retry-schedule.js';
import { isSameTarget, targetOf, type Target } from './target.js';

export interface WebhookParts {
  readonly nexus: Pick<Nexus, 'events' | 'deliveries' | 'reactors' | 'on'>;
  readonly registry: Pick<NodeRegistry, 'get' | 'list' | 'may' | 'onChange'>;
  readonly storage: Pick<Storage, 'read'>;
  /** Registers a reactor on types that no catalogue need know. */
  readonly listen: (definition: ReactorDefinition) => Reactor;
  readonly say: SayReserved;
  readonly tell: <K extends keyof NexusLifecycle>(name: K, moment: () => NexusLifecycle[K]) => void;
  readonly opened: () => Promise<unknown>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomHex: (digits: number) => string;
  readonly hmac: HmacSha256;
  readonly logger: LoggerLike;
  /** The host's own node. */
  readonly host: string;
  /** How names become addresses. @default dns.lookup */
  readonly resolve?: Resolve;
}

/** Beyond the exchange's own deadline, which ends it first. */
const HANDLER_MARGIN_MS = 15_000;

type Listening = {
  readonly target: Target;
  readonly reactor: Reactor;
  readonly onTheirWay: OnTheirWay;
  ending: boolean;
};

/** @throws NexusError as `register` */
export function createWebhooks(parts: WebhookParts): EndpointDesk {
  const { nexus, registry, clock, logger, random } = parts;
  const dialer = createDialer(parts.resolve && { resolve: parts.resolve });
  const exchange = createExchange({ dialer, clock, hmac: parts.hmac });
  const story = createEndpointStory(nexus.events, parts.say);
  const health = createEndpointHealth({ storage: parts.storage, story, clock, logger });
  const target = (node: string): Target | undefined => targetOf(registry.get(node));
  const { disableFor, ...desk } = createEndpointDesk({
    clock,
    reactors: nexus.reactors,
    story,
    health,
    exchange,
    targets: () => registry.list().flatMap(({ name }) => target(name) ?? []),
    host: parts.host,
    newId: () => uuidv7(clock.now(), parts.randomHex(UUID_RANDOM_DIGITS)),
    opened: parts.opened,
    tell: parts.tell,
  });
  const deliver = createDeliver({
    exchange,
    health,
    logger,
    random,
    targetOf: target,
    mayRead: (node, type) => registry.may(node, 'read', type),
    deliveries: () => nexus.deliveries,
    disable: disableFor,
    tell: (moment) => parts.tell('webhook:attempt', () => moment),
  });
  const listening = new Map<string, Listening>();

  /** Brings the reactor of a node to what the node is now. */
  const follow = (node: string): void => {
    const has = listening.get(node);
    const now = target(node);
    const wanted = now && now.types.length > 0 ? now : undefined;
    if (has && (has.ending || (wanted && isSameTarget(has.target, wanted)))) return;
    if (has) end(node, has);
    else if (wanted) begin(wanted);
  };
  const begin = (wanted: Target): void => {
    const { node, types, timeoutMs, retry } = wanted;
    const onTheirWay: OnTheirWay = new Set();
    const reactor = parts.listen({
      on: types,
      name: reactorName(node),
      timeoutMs: timeoutMs + HANDLER_MARGIN_MS,
      retry: webhookRetry(retry),
      handler: deliver(node, onTheirWay),
    });
    listening.set(node, { target: wanted, reactor, onTheirWay, ending: false });
  };
  /** What is on its way ends now, no attempt spent; its place is free once that has come back. */
  const end = (node: string, has: Listening): void => {
    has.ending = true;
    const stopped = has.reactor.stop();
    for (const abort of has.onTheirWay)
      abort.abort(new EndpointChanged(`the endpoint of ${node} was changed while a delivery was on its way`));
    stopped
      .then(() => {
        listening.delete(node);
        follow(node);
      })
      .catch((error: unknown) => couldNot(node, error));
  };
  const couldNot = (node: string, error: unknown): void => {
    if (NexusError.is(error, 'NEXUS_CLOSED')) return;
    logger.error({ node, failure: describeFailure(error) }, 'a webhook could not be changed');
  };

  for (const { name } of registry.list()) follow(name);
  const deaf = registry.onChange(() => {
    for (const node of new Set([...listening.keys(), ...registry.list().map(({ name }) => name)])) {
      try {
        follow(node);
      } catch (error) {
        couldNot(node, error);
      }
    }
  });
  nexus.on('closed', () => {
    deaf();
    dialer.close();
  });
  return desk;
}
