/** Metrics for Prometheus: counted from the library's own moments, and read from `stats()` when somebody asks. */
import type { Nexus } from '../nexus.js';
import { countMoments } from './count-moments.js';
import { watchEventLoop } from './event-loop.js';
import { createFamilies } from './families.js';
import { readVitals } from './read-vitals.js';
import { metricsSettings, type MetricsOptions } from './options.js';
import { ownRegister, registerAll, type MetricsRegister } from './register.js';

/** The metrics of a Nexus. */
export interface Metrics {
  /** Of {@link Metrics.text}. */
  readonly contentType: string;
  /** What Prometheus scrapes: everything in the register, the host's own metrics too where it is the host's. */
  text(): Promise<string>;
  readonly register: MetricsRegister;
  /** Ends it: no listener, no timer, and nothing in the register is left. The close of the Nexus does it too. */
  stop(): void;
}

/**
 * Counts and measures what a Nexus does. Needs prom-client (version 15), unless it is given a `register`.
 *
 * @example
 * const metrics = createMetrics(nexus, { defaultLabels: { service: 'neobot' } });
 * server.on('request', createHttpHandler(nexus, { metrics }));   // GET /metrics
 *
 * @throws NexusError NEXUS_PEER_MISSING, NEXUS_INVALID_OPTION
 */
export function createMetrics(
  nexus: Pick<Nexus, 'on' | 'stats' | 'health'>,
  options?: MetricsOptions,
): Metrics {
  const settings = metricsSettings(options);
  const register = settings.register ?? ownRegister();
  const families = createFamilies(settings);
  const eventLoop = settings.eventLoop ? watchEventLoop() : undefined;
  const vitals = readVitals(nexus, settings, eventLoop);
  let unregister: () => void;
  try {
    unregister = registerAll(register, [...families.metrics(), ...vitals]);
  } catch (error) {
    eventLoop?.stop();
    throw error;
  }
  const unlisten = countMoments(nexus, families, settings);

  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    unlisten();
    eventLoop?.stop();
    unregister();
    unfollow();
  };
  const unfollow = nexus.on('closed', stop);
  return { contentType: register.contentType, text: () => register.metrics(), register, stop };
}
