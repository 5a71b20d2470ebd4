/** `config/permissions.json`: who may say what, with the names of the variables that hold the secrets, never secrets. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { flawOf } from './core/json-text.js';
import { NexusError } from './core/errors.js';
import { checkNode } from './nodes/check-node.js';
import { unknownTypes } from './nodes/check-types.js';
import type { NodeConfig, NodeSecret } from './nodes/node-config.js';

/** For `loadPermissions`. */
export interface LoadPermissionsOptions {
  /** The catalogue: types that are not in it are refused. @default any type is taken, and `createNexus` warns of those it does not know */
  events?: Readonly<Record<string, unknown>>;
}

/** By its form no variable is taken for a secret that somebody pasted in. */
const variable = z.string().regex(/^[A-Z_][A-Z0-9_]{0,199}$/, {
  error: 'expected the name of an environment variable, such as FLOWPAY_SECRET (never the secret itself)',
});
const instant = z
  .union([z.iso.datetime({ offset: true }), z.number().int().nonnegative()])
  .transform((value) => new Date(value).getTime());
const secret = z.union([
  variable.transform((env) => ({ env, notAfter: undefined })),
  z.strictObject({ env: variable, notAfter: instant.optional() }),
]);
const types = z.array(z.string()).superRefine((list, context) => {
  const twice = list.find((each, i) => list.indexOf(each) !== i);
  if (twice !== undefined) context.addIssue({ code: 'custom', message: `${twice} is there twice` });
});
const milliseconds = z.number().int().min(1);
const retry = z.strictObject({
  maxAttempts: z.number().int().min(1).optional(),
  backoff: z.enum(['exponential', 'linear', 'fixed']).optional(),
  initialMs: z.number().nonnegative().optional(),
  factor: z.number().positive().optional(),
  maxMs: z.number().nonnegative().optional(),
  jitter: z.number().min(0).max(1).optional(),
});
const node = z.strictObject({
  secrets: z.array(secret).default([]),
  signatures: z.array(z.enum(['nexus', 'standard'])).optional(),
  unnamed: z.boolean().optional(),
  replayProtectionMs: milliseconds.optional(),
  dispatch: types.optional(),
  subscribe: types.optional(),
  tokens: z.array(variable).optional(),
  admin: z.boolean().optional(),
  webhook: z
    .strictObject({
      url: z.string(),
      events: types.optional(),
      secrets: z.array(secret).optional(),
      headers: z.record(z.string(), z.string()).optional(),
      timeoutMs: milliseconds.optional(),
      retry: retry.optional(),
      allowPrivateNetwork: z.boolean().optional(),
      allowHttp: z.boolean().optional(),
    })
    .optional(),
});
const file = z.strictObject({ $schema: z.string().optional(), nodes: z.record(z.string(), node) });

/**
 * Reads a permissions file. Secrets and tokens stand in it as names of environment variables; read it again and hand it to
 * `nexus.nodes.replace` to change who may say what while Nexus runs.
 *
 * @example createNexus({ nodes: loadPermissions('config/permissions.json', process.env) });
 * @throws NexusError NEXUS_INVALID_OPTION with every problem: a variable that is not set, an unknown event type, a name or type that is there twice
 */
export function loadPermissions(
  path: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  options: LoadPermissionsOptions = {},
): Record<string, NodeConfig> {
  const refuse = (problems: readonly string[], cause?: unknown): NexusError =>
    new NexusError('NEXUS_INVALID_OPTION', `${path}: ${problems.join('; ')}`, {
      details: { path, problems },
      cause,
    });
  const parsed = file.safeParse(read(path, refuse));
  if (!parsed.success) throw refuse(parsed.error.issues.map(describe));

  const problems: string[] = [];
  const valueOf = (name: string, at: string): string => {
    const value = env[name];
    if (value === undefined || value === '')
      problems.push(`${at}: the environment variable ${name} is not set`);
    return value ?? '';
  };
  const nodes = Object.entries(parsed.data.nodes).map(([name, given]): [string, NodeConfig] => {
    const at = `nodes.${name}`;
    const secretsOf = (named: readonly z.infer<typeof secret>[], option: string): NodeSecret[] =>
      named.map(({ env: variableName, notAfter }) => ({
        secret: valueOf(variableName, `${at}.${option}`),
        ...(notAfter !== undefined && { notAfter }),
      }));
    const secrets = secretsOf(given.secrets, 'secrets');
    const tokens = given.tokens?.map((each) => valueOf(each, `${at}.tokens`));
    const { webhook } = given;
    const signing = webhook?.secrets && secretsOf(webhook.secrets, 'webhook.secrets');
    const config = {
      ...given,
      secrets,
      ...(tokens && { tokens }),
      ...(webhook && { webhook: { ...webhook, ...(signing && { secrets: signing }) } }),
    } as NodeConfig;
    return [name, config];
  });
  if (problems.length > 0) throw refuse(problems);
  const known = options.events && new Set(Object.keys(options.events));
  for (const [name, config] of nodes) {
    try {
      checkNode(name, config);
      if (known) problems.push(...unknownTypes(name, config, known));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (problems.length > 0) throw refuse(problems);
  return Object.fromEntries(nodes);
}

function read(path: string, refuse: (problems: readonly string[], cause?: unknown) => NexusError): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refuse(['the file cannot be read'], error);
  }
  const flaw = flawOf(text, 16);
  if (flaw)
    throw refuse([flaw.flaw === 'too_deep' ? 'it is nested too deep' : `${flaw.at} ${flaws[flaw.flaw]}`]);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refuse(['it is not JSON'], error);
  }
}

const flaws = {
  repeated_key: 'is there twice',
  prototype_key: 'is not a name',
  inexact_number: 'is too large a number',
} as const;

/** Never what came: it may be a secret. */
function describe({ path, message }: z.core.$ZodIssue): string {
  const at = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return `${at.replace(/^\./, '') || 'the file'}: ${message}`;
}
