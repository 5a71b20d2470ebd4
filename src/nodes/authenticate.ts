/** Who said these bytes. Takes the same work for a node that is not known as for a signature that is wrong. */
import type { Member, Roll } from './roll.js';
import { nexusSignature, type HeaderOf, type HmacSha256, type SignatureScheme } from './signatures.js';
import { standardWebhooks } from './standard-webhooks.js';

/** Who a request claims to come from, and its proof. */
export type Claim = {
  /** Undefined: nodes that allow it are tried. */
  readonly node: string | undefined;
  /** What is expected instead of the scheme of the NEØ Protocol. */
  readonly scheme?: SignatureScheme;
  readonly body: Uint8Array;
  readonly header: HeaderOf;
};

/** A claim that holds. */
export type Proof = {
  readonly node: string;
  /** The id of the message, where a signature covers it. */
  readonly messageId?: string;
};

type Context = { readonly hmac: HmacSha256; readonly now: number };

const LARGEST_UNNAMED_BODY = 16 * 1024;
/** Stands in for secrets that are not there, so that the answer takes the same work. */
const NOBODY = 'no node has this secret; it only keeps the clock honest';

const nexus = nexusSignature();
const standard = standardWebhooks();

export function authenticate(roll: Roll, claim: Claim, context: Context): Proof | undefined {
  const { node, body } = claim;
  if (node !== undefined) return prove(roll.members.get(node), roll.effort, claim, context);
  if (body.length > LARGEST_UNNAMED_BODY) return undefined;
  const proofs = roll.unnamed.map((member) => prove(member, member.secrets.length, claim, context));
  return proofs.find((proof) => proof !== undefined);
}

function prove(
  member: Member | undefined,
  effort: number,
  claim: Claim,
  context: Context,
): Proof | undefined {
  const { header } = claim;
  let proof: Proof | undefined;
  let wrong = false;
  for (const scheme of schemesOf(claim)) {
    const right = isRight(member, effort, scheme, claim, context);
    if (!member || !isAllowed(member, scheme, claim)) continue;
    if (right) {
      const messageId = scheme.idOf?.(header) ?? proof?.messageId;
      proof = { node: member.name, ...(messageId !== undefined && { messageId }) };
    } else if (scheme.isPresent(header)) wrong = true;
  }
  // A right signature does not excuse a wrong one beside it.
  return wrong ? undefined : proof;
}

/** What to look for is told by the request alone, never by what the node may use. */
function schemesOf({ scheme = nexus, header }: Claim): readonly SignatureScheme[] {
  if (scheme.name === standard.name || !standard.isPresent(header)) return [scheme];
  return scheme.isPresent(header) ? [scheme, standard] : [standard];
}

function isAllowed(member: Member, scheme: SignatureScheme, { scheme: expected }: Claim): boolean {
  return scheme === expected || member.signatures.some((name) => name === scheme.name);
}

/** Every secret is tried, and as many more as another node has: neither which fits nor how many there are shows in the time. */
function isRight(
  member: Member | undefined,
  effort: number,
  scheme: SignatureScheme,
  { body, header }: Claim,
  { hmac, now }: Context,
): boolean {
  let right = false;
  for (let i = 0; i < effort; i++) {
    const { secret = NOBODY, notAfter = Infinity } = member?.secrets[i] ?? { notAfter: -Infinity };
    const fits = scheme.verify({ body, header, secret, hmac, now });
    right = (fits && now < notAfter) || right;
  }
  return right;
}
