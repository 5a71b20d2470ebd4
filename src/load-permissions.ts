/** `config/permissions.json`: who may say what, with the names of the variables that hold the secrets, never secrets. */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { flawOf } from './core/json-text.js';
import { NexusError } from './core/errors.js';
import { checkNode } from './nodes/check-node.js';
import { unknownTypes } from './nodes/check-types.js';
import type { NodeConfig, NodeSecret } from './nodes/node-config.js';
import { parsePermissionsFile, type NamedSecret } from './permissions-file.js';

/** For `loadPermissions`. */
export interface LoadPermissionsOptions {
  /** The catalogue: types that are not in it are refused. @default any type is taken, and `createNexus` warns of those it does not know */
  events?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a permissions file. Secrets and tokens stand in it as names of environment variables; read it again and hand it to
 * `nexus.nodes.replace` to change who may say what while Nexus runs.
 *
 * @example createNexus({ nodes: loadPermissions('config/permissions.json', process.env) });
 * @throws NexusError NEXUS_INVALID_OPTION with every problem: a variable that is not set, an unknown event type, a name or type that is there twice; NEXUS_PEER_MISSING (zod cannot be loaded)
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
  const parsed = parsePermissionsFile(read(path, refuse));
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
    const secretsOf = (named: readonly NamedSecret[], option: string): NodeSecret[] =>
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
