/** Whether a node's configuration is what it must be. What is wrong is told without a secret, or a part of one. */
import { utf8Length } from '../core/chain.js';
import { isLegalName } from '../core/event.js';
import type { NodeConfig, NodeSecret, SignatureName } from './node-config.js';
import { checkFlag, checkKeys, checkMilliseconds } from './check-options.js';
import { checkTypes } from './check-types.js';
import { checkWebhook } from './check-webhook.js';
import { invalid } from './invalid.js';
import { isBrokenStandardKey, standardKey } from './standard-webhooks.js';

const LEAST_SECRET_BYTES = 16;
const legalToken = /^(?=.{16,512}$)[A-Za-z0-9\-._~+/]+=*$/;

const optionsOfNode = new Set<string>([
  'secrets',
  'signatures',
  'unnamed',
  'replayProtectionMs',
  'dispatch',
  'subscribe',
  'tokens',
  'webhook',
  'admin',
] satisfies (keyof NodeConfig)[]);
/** @throws NexusError NEXUS_INVALID_OPTION, NEXUS_ADDRESS_BLOCKED */
export function checkNode(name: string, node: NodeConfig): readonly NodeSecret[] {
  if (!isLegalName(name))
    throw invalid(
      'nodes',
      `node names of 1 to 200 characters without white space or *; got ${JSON.stringify(name)}`,
    );
  const at = `nodes.${name}`;
  checkKeys(at, node, optionsOfNode, 'an object with its secrets');
  const secrets = checkSecrets(at, node.secrets, node.tokens);
  checkSignatures(`${at}.signatures`, node.signatures);
  checkKeysOfSchemes(at, node.signatures ?? [], secrets);
  for (const flag of ['unnamed', 'admin'] as const) checkFlag(`${at}.${flag}`, node[flag]);
  checkMilliseconds(`${at}.replayProtectionMs`, node.replayProtectionMs);
  checkTypes(`${at}.dispatch`, node.dispatch, { reserved: false });
  checkTypes(`${at}.subscribe`, node.subscribe, { reserved: node.admin === true });
  if (node.webhook !== undefined) {
    checkWebhook(at, name, node.webhook);
    const signing = node.webhook.secrets?.map((each) => checkSecret(`${at}.webhook.secrets`, each));
    checkSigningSecrets(at, signing ?? secrets);
  }
  return secrets;
}

/** @throws NexusError NEXUS_INVALID_OPTION */
export function checkSecret(at: string, given: unknown): NodeSecret {
  const { secret, notAfter } = (typeof given === 'object' && given !== null ? given : { secret: given }) as {
    secret?: unknown;
    notAfter?: unknown;
  };
  if (typeof secret !== 'string' || utf8Length(secret) < LEAST_SECRET_BYTES)
    throw invalid(at, `secrets of at least ${LEAST_SECRET_BYTES} bytes; is an environment variable unset?`);
  if (!secret.isWellFormed()) throw invalid(at, 'secrets without lone surrogates');
  if (notAfter === undefined) return { secret };
  if (typeof notAfter !== 'number' || !Number.isFinite(notAfter))
    throw invalid(at, 'notAfter as an instant in epoch milliseconds');
  return { secret, notAfter };
}

/** What a scheme wants of the secrets. @throws NexusError NEXUS_INVALID_OPTION */
export function checkKeysOfSchemes(
  at: string,
  signatures: readonly SignatureName[],
  secrets: readonly NodeSecret[],
): void {
  if (signatures.includes('standard')) checkStandardKeys(`${at}.secrets`, secrets);
}

/** Deliveries are signed by both schemes, and by something. @throws NexusError NEXUS_INVALID_OPTION */
export function checkSigningSecrets(at: string, secrets: readonly NodeSecret[]): void {
  if (secrets.length === 0)
    throw invalid(
      `${at}.webhook.secrets`,
      'a list of at least one secret, for the node has none that could sign',
    );
  checkStandardKeys(`${at}.webhook.secrets (or ${at}.secrets, where there are none)`, secrets);
}

function checkStandardKeys(option: string, secrets: readonly NodeSecret[]): void {
  for (const { secret } of secrets) {
    const key = standardKey(secret);
    if (isBrokenStandardKey(secret) || (key && key.length < LEAST_SECRET_BYTES))
      throw invalid(option, `the base64 of at least ${LEAST_SECRET_BYTES} bytes after whsec_`);
  }
}

function checkSecrets(at: string, secrets: unknown, tokens: unknown): readonly NodeSecret[] {
  if (tokens !== undefined) {
    if (!Array.isArray(tokens) || !tokens.every((each) => typeof each === 'string' && legalToken.test(each)))
      throw invalid(
        `${at}.tokens`,
        'tokens of 16 to 512 characters of A-Z a-z 0-9 - . _ ~ + /; is an environment variable unset?',
      );
  }
  const readsOnly = Array.isArray(tokens) && tokens.length > 0;
  if (!Array.isArray(secrets) || (secrets.length === 0 && !readsOnly))
    throw invalid(`${at}.secrets`, 'at least one secret; read it from the environment');
  return secrets.map((each) => checkSecret(`${at}.secrets`, each));
}

function checkSignatures(option: string, signatures: unknown): void {
  if (signatures === undefined) return;
  const known = (each: unknown): boolean => each === 'nexus' || each === 'standard';
  if (!Array.isArray(signatures) || signatures.length === 0 || !signatures.every(known))
    throw invalid(option, "a list of 'nexus' and 'standard'");
}
