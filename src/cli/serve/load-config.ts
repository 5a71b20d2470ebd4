/** Reads a configuration: a module or JSON, with its paths as seen from the file. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { protocolEvents, type Catalogue } from '../../index.js';
import { missing } from '../exit-codes.js';
import { messageOf } from '../message-of.js';
import { withEnvFile } from '../parse-call.js';
import { checkConfig, refused, type ServeConfig } from './config.js';

type Env = Readonly<Record<string, string | undefined>>;

const usual = ['nexus.config.mjs', 'nexus.config.js', 'nexus.config.json'];

/** The file that was named, or the first of the usual ones. @throws CliError (not found), NexusError NEXUS_INVALID_OPTION */
export async function loadConfig(given: string | undefined, env: Env): Promise<ServeConfig> {
  const path = resolve(given ?? usual.find((name) => existsSync(name)) ?? 'nexus.config.mjs');
  if (!existsSync(path)) throw missing(`there is no configuration at ${path}; say where it is with --config`);
  const from = (file: string): string => resolve(dirname(path), file);
  const config = checkConfig(await read(path, withFile(from('.env'), env)), path);
  const { database, reactors, nodes, envFile } = config;
  return {
    ...config,
    ...(database !== undefined && { database: from(database) }),
    ...(reactors !== undefined && { reactors: from(reactors) }),
    ...(nodes !== undefined && { nodes: from(nodes) }),
    envFile: from(envFile ?? '.env'),
  };
}

/** The catalogue of a configuration, where it has one. */
export async function loadCatalogue(path: string, env: Env): Promise<Catalogue | undefined> {
  return catalogueOf(await loadConfig(path, env));
}

export function catalogueOf({ events }: ServeConfig): Catalogue | undefined {
  return events === 'protocol' ? protocolEvents : events;
}

/** The variables of a file, where it is there, and those of the environment, which win. */
export function withFile(file: string | undefined, env: Env): Env {
  return file !== undefined && existsSync(file) ? withEnvFile(env, file) : env;
}

async function read(path: string, env: Env): Promise<unknown> {
  if (path.endsWith('.json')) {
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw refused(path, [messageOf(error)], error);
    }
  }
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw refused(path, [`it cannot be loaded: ${messageOf(error)}`], error);
  }
  const { default: made } = module;
  if (typeof made !== 'function') return made;
  try {
    return await (made as (env: Env) => unknown)(env);
  } catch (error) {
    throw refused(path, [`its default export failed: ${messageOf(error)}`], error);
  }
}
