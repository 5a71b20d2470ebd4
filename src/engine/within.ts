/** Dispatching in the host's own transaction: validated as any event, written to the host's outbox instead of the log. */
import { NexusError } from '../core/errors.js';
import type { Within } from '../nexus.js';
import type { Outbox } from '../storage/outbox.js';
import type { SqliteLike } from '../storage/sqlite-like.js';
import type { Forwarder } from './forwarder.js';
import { addHeaders, saidToBe, type Instruments } from './instruments.js';
import type { Intake } from './intake.js';
import { toOutboxEvent } from './outbox-events.js';
import type { EngineParts } from './parts.js';

export function createWithin(options: {
  parts: Pick<EngineParts, 'outboxOf' | 'storage'>;
  intake: Intake;
  forwarder: Forwarder;
  instruments: Instruments;
  refusal: () => Error | undefined;
}): (db: SqliteLike) => Within {
  const { parts, intake, forwarder, instruments } = options;
  const entrances = new WeakMap<Outbox, Within>();
  const demandOpen = (): void => {
    const refused = options.refusal();
    if (refused) throw refused;
  };
  const entrance = (outbox: Outbox): Within => ({
    dispatch: (type, payload, how = {}) => {
      demandOpen();
      const write = (options: typeof how): { id: string } => {
        const draft = intake.draft({ type, payload, options });
        const written = outbox.write(toOutboxEvent(draft));
        forwarder.wrote(outbox);
        const { id } = draft;
        return (written ? written.then(() => ({ id })) : { id }) as { id: string };
      };
      return instruments.present()
        ? instruments.dispatch(saidToBe(type, how), (headers) => write(addHeaders(how, headers)))
        : write(how);
    },
  });

  return (db) => {
    demandOpen();
    if (!parts.storage.capabilities.outbox) {
      throw new NexusError(
        'NEXUS_OUTBOX',
        'the storage of this Nexus does not recognise an event that is moved into it twice (capabilities.outbox), so it takes none from an outbox; use dispatch',
      );
    }
    const outbox = parts.outboxOf(db);
    forwarder.add(outbox);
    let within = entrances.get(outbox);
    if (!within) entrances.set(outbox, (within = entrance(outbox)));
    return within;
  };
}
