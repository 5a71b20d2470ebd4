/** What a host says: events, reactors, schedules. From any argument to the part that takes it. */
import { optionsArgument } from '../core/arguments.js';
import type { NexusError } from '../core/errors.js';
import type { Dispatched, Nexus, Reactor, ReactorDefinition } from '../nexus.js';
import { reactorSettings } from './definition.js';
import type { Dispatcher } from './dispatcher.js';
import type { Intake } from './intake.js';
import type { EngineParts } from './parts.js';
import type { Registrar } from './registrar.js';
import type { Schedules } from './schedules.js';

export type Speech = Pick<Nexus, 'dispatch' | 'dispatchMany' | 'onEvent' | 'register' | 'schedule'> & {
  /** As `register`, on types that no catalogue need know (names, `*`, or a prefix and `*`); paused, it stands still. */
  listen: (definition: ReactorDefinition) => Reactor;
};

export function createSpeech(options: {
  parts: EngineParts;
  intake: Intake;
  dispatcher: Dispatcher;
  registrar: Registrar;
  schedules: Schedules;
  /** There is something to start for. */
  begun: () => void;
  /** Why nothing is taken any more. */
  refusal: () => NexusError | undefined;
}): Speech {
  const { parts, intake, dispatcher, registrar, schedules, begun, refusal } = options;
  const register = (
    definition: ReactorDefinition,
    { types = intake, still = false }: { types?: Pick<Intake, 'checkType'>; still?: boolean } = {},
  ): Reactor => {
    const refused = refusal();
    if (refused) throw refused;
    const reactor = registrar.register({ ...reactorSettings(definition, parts, types), still });
    begun();
    return reactor;
  };
  return {
    listen: (definition) => register(definition, { types: anyType, still: true }),
    dispatch: (type, payload, how = {}) =>
      dispatcher.say({ type, payload, options: how }) as Promise<Dispatched<never>>,
    dispatchMany: (items) => dispatcher.sayMany(items),
    onEvent: (...args: readonly unknown[]) => {
      const [on, second, third] = args;
      const handler = third ?? second;
      const settings = third === undefined ? {} : optionsArgument(second as object);
      return register({ ...settings, on, handler } as ReactorDefinition);
    },
    register: (definition) => register(definition as unknown as ReactorDefinition),
    schedule: (when, type, payload, how) => {
      const refused = refusal();
      if (refused) throw refused;
      const schedule = schedules.add(when, type, payload, how);
      begun();
      return schedule;
    },
  };
}

const anyType: Pick<Intake, 'checkType'> = { checkType: () => undefined };
