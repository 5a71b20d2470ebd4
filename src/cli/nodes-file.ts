/** The file of the nodes, read and rewritten. What is secret stands in the environment, or in the file that is loaded into it. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadPermissions, type NodeConfig } from '../index.js';
import { parseObject, readBytes } from './body.js';
import { missing } from './exit-codes.js';
import { readEnvFile } from './parse-call.js';
import type { Call, Options } from './verb.js';

export const nodesOption = {
  nodes: {
    kind: 'file',
    value: 'file',
    env: 'NEXUS_NODES',
    otherwise: './config/permissions.json',
    help: 'The file of the nodes; the variables that it names are read from the environment or --env-file',
  },
} as const satisfies Options;

type NodesCall = Pick<Call<typeof nodesOption>, 'options' | 'env'>;

export function nodesPath({ options }: NodesCall): string {
  return options.nodes ?? './config/permissions.json';
}

/** @throws CliError, NexusError NEXUS_INVALID_OPTION */
export function nodesOf(call: NodesCall): Record<string, NodeConfig> {
  const path = nodesPath(call);
  if (!existsSync(path)) throw missing(`there is no file of nodes at ${path}; say where it is with --nodes`);
  return loadPermissions(path, call.env);
}

export type Rotation = {
  readonly node: string;
  readonly variable: string;
  readonly oldUntil: number;
  readonly old: readonly string[];
};

/**
 * Gives a node a new first secret: its variable is written to the file of variables, and its name to the file of nodes, where the
 * old ones get an end. Both files are replaced whole, the variables first: whoever reads in between finds everything it looks for.
 *
 * @throws CliError, NexusError NEXUS_INVALID_OPTION
 */
export function rotateInFile(
  files: { readonly nodes: string; readonly variables: string },
  env: NodesCall['env'],
  how: { readonly node: string; readonly graceMs: number; readonly now: number },
): Rotation {
  const { node, graceMs, now } = how;
  const file = parseObject(readBytes(files.nodes), files.nodes) as {
    nodes?: Record<string, { secrets?: Entry[] }>;
  };
  const entry = file.nodes && Object.hasOwn(file.nodes, node) ? file.nodes[node] : undefined;
  if (!entry) throw missing(`there is no node ${JSON.stringify(node)} in ${files.nodes}`);
  const secrets = entry.secrets ?? [];
  const known = existsSync(files.variables) ? readEnvFile(files.variables) : {};
  const variable = freeName(
    nameOf(secrets[0]) ?? `${node.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_SECRET`,
    (name) =>
      Object.hasOwn(known, name) || env[name] !== undefined || JSON.stringify(file).includes(`"${name}"`),
  );
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const oldUntil = now + graceMs;
  entry.secrets = [
    variable,
    // One whose time is over anyway is not given more of it.
    ...secrets
      .map((each) =>
        typeof each === 'string'
          ? { env: each, notAfter: oldUntil }
          : { ...each, notAfter: Math.min(instantOf(each.notAfter) ?? oldUntil, oldUntil) },
      )
      .filter(({ notAfter }) => notAfter > now)
      .map(({ env: name, notAfter }) => ({ env: name, notAfter: new Date(notAfter).toISOString() })),
  ];
  const draft = `${files.nodes}.rotating`;
  writeFileSync(draft, `${JSON.stringify(file, null, 2)}\n`, { mode: statSync(files.nodes).mode & 0o777 });
  try {
    // Checked as a host would, before anything is in its place.
    loadPermissions(draft, { ...known, ...env, [variable]: secret });
    addVariable(files.variables, variable, secret);
    renameSync(draft, files.nodes);
  } finally {
    rmSync(draft, { force: true });
  }
  return { node, variable, oldUntil, old: secrets.flatMap((each) => nameOf(each) ?? []) };
}

type Entry = string | { readonly env: string; readonly notAfter?: string | number };

function nameOf(entry: Entry | undefined): string | undefined {
  return typeof entry === 'object' ? entry.env : entry;
}

function instantOf(at: string | number | undefined): number | undefined {
  return at === undefined ? undefined : new Date(at).getTime();
}

function freeName(first: string, taken: (name: string) => boolean): string {
  const stem = first.replace(/_\d+$/, '');
  for (let n = 2; ; n++) if (!taken(`${stem}_${n}`)) return `${stem}_${n}`;
}

function addVariable(path: string, name: string, secret: string): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const draft = `${path}.rotating`;
  writeFileSync(draft, `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${name}=${secret}\n`, {
    mode: 0o600,
  });
  if (existsSync(path)) chmodSync(draft, statSync(path).mode & 0o777 & ~0o077);
  renameSync(draft, path);
}
