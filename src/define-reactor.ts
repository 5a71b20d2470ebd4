/** A reactor as a value. */
import type { AnyCatalogue, Catalogue, TypeOf } from './core/catalogue.js';
import type { ReactorDefinition } from './nexus.js';

/**
 * A typed identity, so that a reactor can live in its own file and be tested alone. The catalogue's type is the first
 * type argument where its payloads matter.
 *
 * @example
 * export const mint = defineReactor<typeof protocolEvents>()({ on: 'PAYMENT_RECEIVED', name: 'mint', handler: async (payment) => {} });
 */
export function defineReactor<E extends Catalogue = AnyCatalogue>(): <const T extends TypeOf<E>>(
  reactor: ReactorDefinition<E, T>,
) => ReactorDefinition<E, T>;
export function defineReactor<const T extends string>(
  reactor: ReactorDefinition<AnyCatalogue, T>,
): ReactorDefinition<AnyCatalogue, T>;
export function defineReactor(reactor?: ReactorDefinition): unknown {
  return reactor ?? ((defined: ReactorDefinition) => defined);
}
