/**
 * Metrics for Prometheus and traces for OpenTelemetry.
 *
 * @module @neo-protocol/nexus/metrics
 */
export { createMetrics, type Metrics } from './create-metrics.js';
export type { MetricsOptions } from './options.js';
export type { MetricsRegister } from './register.js';
export { traceNexus, type TraceOptions, type TracerLike } from './trace-nexus.js';
