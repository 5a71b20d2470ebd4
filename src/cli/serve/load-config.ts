/** Reads a configuration: a module or JSON, with its paths as seen from the file. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { protocolEvents, type Catalogue } from '../../index.js';
import { missing } from '../exit-codes.js';
import { messageOf } from '../message-of.js';
import { checkConfig, refused, type ServeConfig } from './config.js';

const usual = ['nexus.config.mjs', 'nexus.config.js', 'nexus.config.json'];

/** The file that was named, or the first of the usual ones. @throws CliError (not found), NexusError NEXUS_INVALID_OPTION */
export async function loadConfig(given: string | undefined): Promise<ServeConfig> {
  const path = resolve(given ?? usual.find((name) => existsSync(name)) ?? 'nexus.config.mjs');
  if (!existsSync(path)) throw missing(`there is no configuration at ${path}; say where it is with --config`);
  const config = checkConfig(await read(path), path);
  const from = (file: string): string => resolve(dirname(path), file);
  const { database, reactors, nodes, envFile } = config;
  return {
    ...config,
    ...(database !== undefined && { database: from(database) }),
    ...(reactors !== undefined && { reactors: from(reactors) }),
    ...(nodes !== undefined && { nodes: from(nodes) }),
    ...(envFile !== undefined && { envFile: from(envFile) }),
  };
}

/** The catalogue of a configuration, where it has one. */
export async function loadCatalogue(path: string): Promise<Catalogue | undefined> {
  return catalogueOf(await loadConfig(path));
}

export function catalogueOf({ events }: ServeConfig): Catalogue | undefined {
  return events === 'protocol' ? protocolEvents : events;
}

async function read(path: string): Promise<unknown> {
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
  return module.default;
}
