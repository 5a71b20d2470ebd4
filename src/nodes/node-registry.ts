/** The nodes that are known, what proves them, and what they may do. */
import { utf8Length } from '../core/chain.js';
import { NexusError } from '../core/errors.js';
import { isLegalName } from '../core/event.js';
import type { NodeConfig } from './node-config.js';
import { isAllowed } from './permissions.js';
import type { HmacSha256, SignatureScheme } from './signatures.js';

/** Who a request claims to come from, and its proof. */
export type Claim = {
  readonly node: string | undefined;
  readonly scheme: SignatureScheme;
  readonly body: Uint8Array;
  readonly header: (name: string) => string | undefined;
};

export interface NodeRegistry {
  has(name: string): boolean;
  /** The node whose secret verifies the bytes, or undefined. */
  authenticate(claim: Claim, hmac: HmacSha256): string | undefined;
  mayDispatch(node: string, type: string): boolean;
}

const LEAST_SECRET_BYTES = 16;
/** Requests that name no node are tried against these many secrets at most, and only when they are small. */
const MOST_UNNAMED_SECRETS = 16;
const LARGEST_UNNAMED_BODY = 16 * 1024;
/** Stands in for the secrets of a node that is not known, so that the answer takes the same work. */
const NOBODY = ['no node has this secret; it only keeps the clock honest'];

/** @throws NexusError NEXUS_INVALID_OPTION */
export function createNodeRegistry(config: Readonly<Record<string, NodeConfig>>): NodeRegistry {
  const nodes = new Map(Object.entries(config));
  const owners = new Map<string, string>();
  for (const [name, node] of nodes) check(name, node, owners);
  const unnamed = [...nodes]
    .filter(([, node]) => node.unnamed)
    .flatMap(([name, node]) => node.secrets.map((secret) => ({ name, secret })));
  if (unnamed.length > MOST_UNNAMED_SECRETS) {
    throw invalid(
      'nodes',
      `at most ${MOST_UNNAMED_SECRETS} secrets of nodes with unnamed: true, got ${unnamed.length}; let the others name themselves`,
    );
  }

  return {
    has: (name) => nodes.has(name),
    mayDispatch: (node, type) => isAllowed(nodes.get(node)?.dispatch, type),
    authenticate: ({ node, scheme, body, header }, hmac) => {
      const proves = (secret: string): boolean => scheme.verify({ body, header, secret, hmac });
      if (node !== undefined) {
        // Every secret is tried: which of them fits must not show in the time.
        const fits = (nodes.get(node)?.secrets ?? NOBODY).map(proves).includes(true);
        return fits && nodes.has(node) ? node : undefined;
      }
      if (body.length > LARGEST_UNNAMED_BODY) return undefined;
      const proven = unnamed.map(({ name, secret }) => (proves(secret) ? name : undefined));
      return proven.find((name) => name !== undefined);
    },
  };
}

function check(name: string, node: NodeConfig, owners: Map<string, string>): void {
  if (!isLegalName(name))
    throw invalid(
      'nodes',
      `node names of 1 to 200 characters without white space or *; got ${JSON.stringify(name)}`,
    );
  if (typeof (node as unknown) !== 'object' || (node as unknown) === null)
    throw invalid(`nodes.${name}`, 'an object with its secrets');
  if (!Array.isArray(node.secrets) || node.secrets.length === 0) {
    throw invalid(`nodes.${name}.secrets`, 'at least one secret; read it from the environment');
  }
  checkTypes(`nodes.${name}.dispatch`, node.dispatch);
  checkTypes(`nodes.${name}.subscribe`, node.subscribe);
  for (const secret of node.secrets) {
    if (typeof secret !== 'string' || utf8Length(secret) < LEAST_SECRET_BYTES) {
      throw invalid(
        `nodes.${name}.secrets`,
        `secrets of at least ${LEAST_SECRET_BYTES} bytes; is an environment variable unset?`,
      );
    }
    const owner = owners.get(secret);
    if (owner !== undefined && owner !== name) {
      throw invalid(
        `nodes.${name}.secrets`,
        `a secret of its own: one is shared with ${owner}, so neither could be told from the other`,
      );
    }
    owners.set(secret, name);
  }
}

/** A lone string would pass for a list until somebody asks for a permission. */
function checkTypes(option: string, patterns: unknown): void {
  if (patterns === undefined) return;
  if (Array.isArray(patterns) && patterns.every((each) => typeof each === 'string')) return;
  throw invalid(option, 'a list of event types, such as ["PAYMENT_*"]');
}

function invalid(option: string, expected: string): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${option}: expected ${expected}`, {
    details: { option, expected },
  });
}
