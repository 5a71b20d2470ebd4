/** Who is let through: by address, by signature, by token, by node. What is refused is refused here, in one voice. */
import { randomBytes } from 'node:crypto';
import type { Ingress } from '../nexus.js';
import type { Claim, Proof } from '../nodes/authenticate.js';
import { bearerToken } from '../nodes/bearer-token.js';
import { ipOf, type Incoming } from './incoming.js';
import { clientKey } from '../core/ip-address.js';
import type { HttpSettings } from './options.js';
import { rateLimited, unauthenticated, type Answer } from './problem.js';
import { createNamedLimiter, createRateLimiter } from './rate-limiter.js';

/** Who it is, or what to answer. */
export type Passed<T> = T | { readonly answer: Answer };

export interface Guard {
  /** Undefined: go on. */
  byAddress(request: Incoming): Answer | undefined;
  bySignature(request: Incoming, claim: Claim): Passed<{ readonly proof: Proof }>;
  byToken(request: Incoming): Passed<{ readonly node: string; readonly token: string }>;
}

export function createGuard(
  door: Ingress,
  settings: Pick<HttpSettings, 'rateLimit' | 'nodeRateLimit'>,
): Guard {
  const addresses = settings.rateLimit && createRateLimiter(settings.rateLimit, { seed: randomSeed() });
  const nodes = settings.nodeRateLimit && createNamedLimiter(settings.nodeRateLimit);

  const refuse = (request: Incoming, waitMs: number, node?: string): Answer => {
    door.limited(() => ({ by: node === undefined ? 'address' : 'node', node, ip: ipOf(request) }));
    return rateLimited(waitMs);
  };
  const ofNode = (request: Incoming, node: string): Answer | undefined => {
    const waitMs = nodes?.(node, performance.now()) ?? 0;
    return waitMs > 0 ? refuse(request, waitMs, node) : undefined;
  };

  return {
    byAddress: (request) => {
      const { address } = request;
      // Nobody knows whose it is: over a Unix socket, or a fetch handler that is not told.
      if (!addresses || !address) return undefined;
      const waitMs = addresses.take(...clientKey(address), performance.now());
      return waitMs > 0 ? refuse(request, waitMs) : undefined;
    },
    bySignature: (request, claim) => {
      const proof = door.authenticate(claim);
      if (!proof) {
        door.denied({ node: claim.node?.slice(0, 200), reason: 'signature', ip: ipOf(request) });
        return { answer: unauthenticated };
      }
      const limited = ofNode(request, proof.node);
      return limited ? { answer: limited } : { proof };
    },
    byToken: (request) => {
      const token = bearerToken(request.header('authorization'));
      const node = token === undefined ? undefined : door.bearer(token);
      if (token === undefined || node === undefined) {
        door.denied({ node: undefined, reason: 'token', ip: ipOf(request) });
        return { answer: unauthenticated };
      }
      const limited = ofNode(request, node);
      return limited ? { answer: limited } : { node, token };
    },
  };
}

/** Not to be guessed, so that nobody chooses addresses that fall on one place of the table. */
function randomSeed(): [number, number] {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}
