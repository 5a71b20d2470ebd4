/** The nodes that are known, what proves them, and what they may do; changed while it is in use. Nothing is written down. */
import type { Sha256 } from '../core/chain.js';
import { NexusError } from '../core/errors.js';
import { authenticate, type Claim, type Proof } from './authenticate.js';
import { checkKeysOfSchemes, checkSecret, checkSigningSecrets } from './check-node.js';
import { equalInConstantTime } from './constant-time.js';
import { invalid } from './invalid.js';
import type { NodeConfig, SignatureName } from './node-config.js';
import { may, type Act } from './permissions.js';
import { createRoll, toMember, type Member, type MemberWebhook } from './roll.js';
import type { HmacSha256 } from './signatures.js';

/** A node as an operator may see it: what proves it is shown as fingerprints, which are this process's own. */
export interface NodeInfo {
  readonly name: string;
  readonly dispatch: readonly string[];
  readonly subscribe: readonly string[];
  readonly signatures: readonly SignatureName[];
  readonly unnamed: boolean;
  readonly admin: boolean;
  /** `notAfter`: epoch ms; `active` is false once it has passed. */
  readonly secrets: readonly {
    readonly fingerprint: string;
    readonly notAfter: number | undefined;
    readonly active: boolean;
  }[];
  readonly tokens: readonly { readonly fingerprint: string }[];
  readonly webhook: { readonly url: string; readonly events: readonly string[] | undefined } | undefined;
}

export interface NodeRegistry {
  /** The node that a signature proves. */
  authenticate(claim: Claim): Proof | undefined;
  /** The node whose token it is. */
  bearer(token: string): string | undefined;
  may(node: string, act: Act, type: string): boolean;
  get(name: string): Member | undefined;
  list(): readonly NodeInfo[];
  /** Adds a node, or takes its place. @throws NexusError NEXUS_INVALID_OPTION */
  put(name: string, config: NodeConfig): void;
  /** All nodes at once: those that are not named are gone. Nothing changes where one is wrong. @throws NexusError NEXUS_INVALID_OPTION */
  replace(nodes: Readonly<Record<string, NodeConfig>>): void;
  /** @throws NexusError NEXUS_NOT_FOUND, NEXUS_INVALID_OPTION */
  rotate(name: string, secret: string, graceMs: number): void;
  /** How many secrets and tokens are gone. @throws NexusError NEXUS_NOT_FOUND, also where the fingerprint means none */
  revoke(name: string, fingerprint: string | undefined): number;
  /** @throws NexusError NEXUS_NOT_FOUND */
  remove(name: string): void;
  /** Calls the listener after each change. Returns its end. */
  onChange(listener: () => void): () => void;
}

/** What a registry is made from; the ground floor knows neither crypto nor clock. */
export type RegistryParts = {
  readonly hmac: HmacSha256;
  readonly sha256: Sha256;
  /** Epoch ms. */
  readonly now: () => number;
  /** Random hex digits. */
  readonly salt: string;
  /** The host's own node, which cannot be one of the others. */
  readonly host: string;
};

/** @throws NexusError NEXUS_INVALID_OPTION */
export function createNodeRegistry(
  config: Readonly<Record<string, NodeConfig>>,
  parts: RegistryParts,
): NodeRegistry {
  const { hmac, sha256, now, host } = parts;
  const listeners = new Set<() => void>();

  const memberOf = (name: string, node: NodeConfig): Member => {
    if (name === host)
      throw invalid(
        'nodes',
        `other nodes than "${host}", which is this host's own node; choose another name`,
      );
    return toMember(name, node, sha256);
  };
  const membersOf = (nodes: Readonly<Record<string, NodeConfig>>): Member[] => {
    if (typeof (nodes as unknown) !== 'object' || (nodes as unknown) === null)
      throw invalid('nodes', 'an object with a configuration for each name');
    return Object.entries(nodes).map(([name, node]) => memberOf(name, node));
  };

  let roll = createRoll(membersOf(config), sha256);
  const become = (members: Iterable<Member>): void => {
    roll = createRoll(members, sha256);
    for (const listener of listeners) listener();
  };
  const change = (member: Member): void => become(new Map(roll.members).set(member.name, member).values());
  const known = (name: string): Member => {
    const member = roll.members.get(name);
    if (member) return member;
    throw notFound(`node "${name}"`, name);
  };

  const fingerprintOf = (hash: string): string => sha256(`${parts.salt}\n${hash}`).slice(0, 12);
  const fingerprintOfSecret = ({ secret }: { readonly secret: string }): string =>
    fingerprintOf(sha256(secret));

  return {
    authenticate: (claim) => authenticate(roll, claim, { hmac, now: now() }),
    bearer: (token) => {
      const given = sha256(token);
      let node: string | undefined;
      for (const each of roll.tokens) if (equalInConstantTime(each.hash, given)) node = each.node;
      return node;
    },
    may: (node, act, type) => may(roll.members.get(node), act, type),
    get: (name) => roll.members.get(name),
    list: () => {
      const at = now();
      return [...roll.members.values()].map((member) => ({
        name: member.name,
        dispatch: member.dispatch ?? [],
        subscribe: member.subscribe ?? [],
        signatures: member.signatures,
        unnamed: member.unnamed,
        admin: member.admin ?? false,
        secrets: member.secrets.map((secret) => ({
          fingerprint: fingerprintOfSecret(secret),
          notAfter: secret.notAfter,
          active: at < (secret.notAfter ?? Infinity),
        })),
        tokens: member.tokens.map((hash) => ({ fingerprint: fingerprintOf(hash) })),
        webhook: member.webhook && whereTo(member.webhook),
      }));
    },
    put: (name, node) => change(memberOf(name, node)),
    replace: (nodes) => become(membersOf(nodes)),
    rotate: (name, secret, graceMs) => {
      const member = known(name);
      if (!Number.isFinite(graceMs) || graceMs < 0) throw invalid('graceMs', 'milliseconds, 0 or more');
      const fresh = checkSecret(`nodes.${name}.secrets`, secret);
      checkKeysOfSchemes(`nodes.${name}`, member.signatures, [fresh]);
      if (member.webhook && !member.webhook.secrets) checkSigningSecrets(`nodes.${name}`, [fresh]);
      const at = now();
      const ending = member.secrets
        .filter((each) => each.secret !== fresh.secret && at < (each.notAfter ?? Infinity))
        .map((each) => ({ ...each, notAfter: Math.min(each.notAfter ?? Infinity, at + graceMs) }))
        .filter((each) => at < each.notAfter);
      change({ ...member, secrets: [fresh, ...ending] });
    },
    revoke: (name, fingerprint) => {
      const member = known(name);
      const stays = (of: string): boolean => fingerprint !== undefined && of !== fingerprint;
      const secrets = member.secrets.filter((each) => stays(fingerprintOfSecret(each)));
      const tokens = member.tokens.filter((hash) => stays(fingerprintOf(hash)));
      const gone = member.secrets.length + member.tokens.length - secrets.length - tokens.length;
      if (gone === 0 && fingerprint !== undefined)
        throw notFound(`secret or token "${fingerprint}" of the node ${name}`, name);
      change({ ...member, secrets, tokens });
      return gone;
    },
    remove: (name) => {
      known(name);
      become([...roll.members.values()].filter((member) => member.name !== name));
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function notFound(what: string, node: string): NexusError {
  return new NexusError('NEXUS_NOT_FOUND', `there is no ${what}`, { details: { node } });
}

function whereTo({ url, events }: MemberWebhook): NodeInfo['webhook'] {
  return { url, events };
}
