/** Where metrics are registered: a registry of the host's, or one of their own. Never the global one. */
import { createRequire } from 'node:module';
import { NexusError } from '../core/errors.js';
import { peer } from '../core/peer.js';
import type { Metric } from './metric.js';

/** The part of a prom-client `Registry` that is used. */
export interface MetricsRegister {
  readonly contentType: string;
  metrics(): Promise<string>;
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

type PromClient = { readonly Registry: new () => MetricsRegister };

/** @throws NexusError NEXUS_PEER_MISSING */
export function ownRegister(load: () => unknown = loadPromClient): MetricsRegister {
  const client = peer(
    'prom-client',
    load,
    'createMetrics needs',
    'npm install prom-client@15, or give it a register',
  ) as PromClient;
  return new client.Registry();
}

/** All of them, or none; returns what takes them out again. @throws NexusError NEXUS_INVALID_OPTION */
export function registerAll(register: MetricsRegister, metrics: readonly Metric[]): () => void {
  const names: string[] = [];
  const remove = (): void => names.splice(0).forEach((name) => register.removeSingleMetric(name));
  try {
    for (const metric of metrics) {
      const { name } = metric;
      register.registerMetric(metric as never);
      names.push(name);
    }
  } catch (cause) {
    remove();
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      'register has metrics of these names already; give another prefix, or stop() the metrics that were registered before',
      { details: { option: 'register' }, cause },
    );
  }
  return remove;
}

function loadPromClient(): unknown {
  return createRequire(import.meta.url)('prom-client');
}
