/** Refusing a configuration: what was expected, never what came, for that may be a secret. */
import { NexusError } from '../core/errors.js';

export function invalid(option: string, expected: string): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${option}: expected ${expected}`, {
    details: { option, expected },
  });
}
