/** Who is known at a moment: made whole and checked whole, then never changed. */
import type { Sha256 } from '../core/chain.js';
import { checkNode, checkSecret } from './check-node.js';
import { invalid } from './invalid.js';
import type { NodeConfig, NodeSecret, NodeWebhook, SignatureName } from './node-config.js';
import type { Permissions } from './permissions.js';

/** A node as it is kept: secrets as they are, for they sign; tokens as hashes, for they are only compared. */
export type Member = Permissions & {
  readonly name: string;
  readonly secrets: readonly NodeSecret[];
  /** Hex SHA-256. */
  readonly tokens: readonly string[];
  readonly signatures: readonly SignatureName[];
  readonly unnamed: boolean;
  readonly replayProtectionMs: number | undefined;
  readonly webhook: MemberWebhook | undefined;
};

/** A webhook with secrets of its own as a list, or without: then the node's sign. */
export type MemberWebhook = Omit<NodeWebhook, 'secrets'> & {
  readonly secrets: readonly NodeSecret[] | undefined;
};

export type Roll = {
  readonly members: ReadonlyMap<string, Member>;
  /** Those that requests without a name are tried against. */
  readonly unnamed: readonly Member[];
  readonly tokens: readonly { readonly hash: string; readonly node: string }[];
  /** The most secrets that a node has: so many are tried for each that is named, known or not. */
  readonly effort: number;
};

/** Requests that name no node are tried against these many secrets at most. */
const MOST_UNNAMED_SECRETS = 16;

/** @throws NexusError NEXUS_INVALID_OPTION */
export function toMember(name: string, config: NodeConfig, sha256: Sha256): Member {
  const secrets = checkNode(name, config);
  const { signatures = ['nexus'], unnamed = false, dispatch, subscribe, tokens, admin, webhook } = config;
  return {
    name,
    secrets,
    tokens: (tokens ?? []).map((token) => sha256(token)),
    signatures: [...signatures],
    unnamed,
    replayProtectionMs: config.replayProtectionMs,
    dispatch: [...(dispatch ?? [])],
    subscribe: [...(subscribe ?? [])],
    admin: admin ?? false,
    webhook: webhook && {
      ...webhook,
      ...(webhook.events && { events: [...webhook.events] }),
      ...(webhook.headers && { headers: { ...webhook.headers } }),
      secrets: webhook.secrets?.map((each) => checkSecret(`nodes.${name}.webhook.secrets`, each)),
    },
  };
}

/** @throws NexusError NEXUS_INVALID_OPTION where a secret or token could mean two nodes, or too many are tried unnamed */
export function createRoll(members: Iterable<Member>, sha256: Sha256): Roll {
  const byName = new Map<string, Member>();
  const owners = new Map<string, string>();
  const claim = (hash: string, name: string, what: 'secret' | 'token'): void => {
    const owner = owners.get(hash) ?? name;
    if (owner !== name)
      throw invalid(
        `nodes.${name}.${what}s`,
        `a ${what} of its own: one is shared with ${owner}, so neither could be told from the other`,
      );
    owners.set(hash, name);
  };
  for (const member of members) {
    const { name, secrets, tokens, webhook } = member;
    for (const { secret } of [...secrets, ...(webhook?.secrets ?? [])]) claim(sha256(secret), name, 'secret');
    for (const token of tokens) claim(token, name, 'token');
    const open = secrets.find(({ secret }) => tokens.includes(sha256(secret)));
    if (open) throw invalid(`nodes.${name}.tokens`, 'tokens that are not its secrets: a token is sent along');
    byName.set(name, member);
  }
  const all = [...byName.values()];
  const unnamed = all.filter((member) => member.unnamed);
  const tried = unnamed.reduce((sum, { secrets }) => sum + secrets.length, 0);
  if (tried > MOST_UNNAMED_SECRETS) {
    throw invalid(
      'nodes',
      `at most ${MOST_UNNAMED_SECRETS} secrets of nodes with unnamed: true, got ${tried}; let the others name themselves`,
    );
  }
  return {
    members: byName,
    unnamed,
    tokens: all.flatMap(({ name, tokens }) => tokens.map((hash) => ({ hash, node: name }))),
    effort: Math.max(1, ...all.map(({ secrets }) => secrets.length)),
  };
}
