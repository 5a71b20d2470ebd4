/** The options of `createMetrics`: checked, and with their defaults. */
import { invalidArgument, optionsArgument, wholeArgument } from '../core/arguments.js';
import type { MetricsRegister } from './register.js';

/** For `createMetrics`. */
export interface MetricsOptions {
  /** A `Registry` of prom-client in which they stand beside the host's own. @default one of their own; never the global one */
  register?: MetricsRegister;
  /** How every name begins. @default 'nexus_' */
  prefix?: string;
  /** Labels of every series, such as the name of the service. @default {} */
  defaultLabels?: Record<string, string>;
  /** The upper ends of the buckets of histograms, seconds, ascending. @default each as below */
  buckets?: {
    /** Of dispatches and commits. @default 0.001 to 10 */
    commit?: number[];
    /** Of handlers and their queue. @default 0.001 to 300 */
    reactor?: number[];
    /** Of answers over HTTP. @default 0.001 to 10 */
    http?: number[];
  };
  /** Event types that have series of their own; those that come later are counted as `other`. @default 100 */
  maxTypes?: number;
  /** The same for nodes. @default 50 */
  maxNodes?: number;
  /** The same for reactors. @default 100 */
  maxReactors?: number;
  /** Measure how late the event loop is, by a timer of 20 ms. @default true */
  eventLoop?: boolean;
}

export type MetricsSettings = Required<Omit<MetricsOptions, 'register' | 'buckets'>> & {
  readonly register: MetricsRegister | undefined;
  readonly buckets: Readonly<Record<'commit' | 'reactor' | 'http', readonly number[]>>;
};

const short = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const long = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** @throws NexusError NEXUS_INVALID_OPTION */
export function metricsSettings(options: MetricsOptions | undefined): MetricsSettings {
  const given = optionsArgument(options) as MetricsOptions;
  const { register, prefix = 'nexus_', defaultLabels = {}, buckets = {}, eventLoop = true } = given;
  if (
    register !== undefined &&
    typeof (register as Partial<MetricsRegister> | null)?.registerMetric !== 'function'
  )
    throw invalidArgument('register', 'a Registry of prom-client', register);
  if (typeof prefix !== 'string' || !/^[a-zA-Z_:][\w:]*$/.test(prefix))
    throw invalidArgument('prefix', 'letters, digits and _, such as "nexus_"', prefix);
  for (const [name, value] of Object.entries(defaultLabels))
    if (!/^[a-zA-Z_]\w*$/.test(name) || name.startsWith('__') || typeof value !== 'string')
      throw invalidArgument(`defaultLabels.${name}`, 'a legal name of a label and a text', value);
  return {
    register,
    prefix,
    defaultLabels: { ...defaultLabels },
    buckets: {
      commit: bounds('commit', buckets.commit ?? short),
      reactor: bounds('reactor', buckets.reactor ?? long),
      http: bounds('http', buckets.http ?? short),
    },
    maxTypes: wholeArgument(given.maxTypes ?? 100, 'maxTypes', 1, 10_000),
    maxNodes: wholeArgument(given.maxNodes ?? 50, 'maxNodes', 1, 10_000),
    maxReactors: wholeArgument(given.maxReactors ?? 100, 'maxReactors', 1, 10_000),
    eventLoop,
  };
}

function bounds(name: string, given: readonly number[]): readonly number[] {
  const ascend = given.every((each, i) => Number.isFinite(each) && each > (given[i - 1] ?? 0));
  if (given.length === 0 || given.length > 50 || !ascend)
    throw invalidArgument(`buckets.${name}`, '1 to 50 ascending numbers above 0, in seconds', given);
  return [...given];
}
