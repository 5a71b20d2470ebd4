/** Puts the kit between a Nexus and its handlers, however they are registered. */
import type { Catalogue } from '../core/catalogue.js';
import type { Handler, Nexus, Reactor, ReactorContext, ReactorDefinition } from '../nexus.js';
import type { SqliteLike } from '../storage/sqlite-like.js';
import type { Attempts } from './attempts.js';
import type { Faults } from './faults.js';

export function instrument<E extends Catalogue>(
  nexus: Nexus<E>,
  kit: {
    readonly attempts: Attempts;
    readonly faults: Faults;
    /** Whether this Nexus is the one that lives. */
    readonly lives: () => boolean;
    /** Its process dies here and now. */
    readonly die: () => void;
    readonly stirred: () => void;
    /** What was done with it, to be done with the next one, too; returns its undoing. */
    readonly did: (deed: (next: Nexus<E>) => unknown) => () => void;
  },
): void {
  const { attempts, faults, lives, die, stirred, did } = kit;
  const register = nexus.register.bind(nexus);
  const schedule = nexus.schedule.bind(nexus);
  const on = nexus.on.bind(nexus);
  const within = nexus.within.bind(nexus);

  const around = (handler: Handler, nameOf: () => string): Handler => {
    const cameBack = (ctx: ReactorContext, result: unknown): unknown => {
      attempts.ended(ctx.deliveryId);
      stirred();
      if (!lives()) return never();
      if (!faults.crashes('handler', [nameOf()])) return result;
      die();
      return never();
    };
    const failed = (ctx: ReactorContext, error: unknown): never => {
      attempts.ended(ctx.deliveryId);
      stirred();
      throw error;
    };
    const call = (payload: never, ctx: ReactorContext): unknown => {
      if (!lives()) return never();
      if (faults.crashes('claim', [nameOf()])) {
        die();
        return never();
      }
      try {
        const failure = faults.failure(nameOf());
        if (failure) throw failure.error;
        const result: unknown = handler(payload, ctx);
        if (!isThenable(result)) return cameBack(ctx, result);
        return result.then(
          (value) => cameBack(ctx, value),
          (error: unknown) => failed(ctx, error),
        );
      } catch (error) {
        return failed(ctx, error);
      }
    };
    return (payload, ctx) => attempts.run(ctx.deliveryId, () => call(payload as never, ctx));
  };

  const registerAround = (definition: ReactorDefinition): Reactor => {
    let name = '';
    const wraps = typeof (definition as Partial<ReactorDefinition> | undefined)?.handler === 'function';
    const reactor = (register as unknown as (reactor: ReactorDefinition) => Reactor)(
      wraps ? { ...definition, handler: around(definition.handler, () => name) } : definition,
    );
    name = reactor.name;
    const undo = did((next) => next.register(definition as never));
    return {
      ...reactor,
      stop: async () => {
        undo();
        await reactor.stop();
      },
    };
  };

  Object.assign(nexus, {
    register: registerAround,
    onEvent: (...args: readonly unknown[]) => {
      const [types, second, third] = args;
      const settings = third === undefined ? {} : (second as object);
      return registerAround({ ...settings, on: types, handler: third ?? second } as ReactorDefinition);
    },
    schedule: (...args: Parameters<typeof schedule>) => {
      const kept = schedule(...args);
      const undo = did((next) => next.schedule(...args));
      return {
        ...kept,
        stop: () => {
          undo();
          kept.stop();
        },
      };
    },
    within: (db: SqliteLike) => {
      const outbox = within(db);
      did((next) => next.within(db));
      const dispatch = (...args: Parameters<typeof outbox.dispatch>): { readonly id: string } => {
        const written = outbox.dispatch(...args);
        // It is on its way into the log, which no operation of the storage shows yet.
        stirred();
        return written;
      };
      return { ...outbox, dispatch };
    },
    on: (...args: Parameters<typeof on>) => {
      const [name, listener] = args;
      const off = on(name, (moment) => (lives() ? listener(moment) : undefined));
      const undo = did((next) => next.on(...args));
      return () => {
        undo();
        off();
      };
    },
  });
}

/** What a dead process answers. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
