/** When the storage is opened: once, on whoever's behalf is first, and again after it failed. */
import type { Clock } from '../core/clock.js';
import { kindOfFailure } from './storage-failure.js';

export interface Opening {
  /** Resolves once it is open; opens it where nobody has. Throws what kept it from opening, or the refusal. */
  opened(): Promise<{ readonly logId: string }>;
  /** On the next turn, and again while it fails for the time being. */
  autoStart(): void;
  isOpen(): boolean;
  /** The opening that is under way or done. */
  current(): Promise<unknown> | undefined;
}

const START_AGAIN_MS = 1_000;

export function createOpening(options: {
  clock: Clock;
  autoStart: boolean;
  open: () => Promise<{ readonly logId: string }>;
  /** Why nothing is opened any more. */
  refusal: () => Error | undefined;
  /** It did not open; `again`: it will be tried again without anybody's asking. */
  failed: (error: unknown, again: boolean) => void;
  /** What waits for the storage is not to wait for the next try. */
  refuse: (error: unknown) => void;
}): Opening {
  const { clock, refusal } = options;
  let opening: Promise<{ readonly logId: string }> | undefined;
  let isOpen = false;

  const open = async (): Promise<{ readonly logId: string }> => {
    try {
      const opened = await options.open();
      isOpen = true;
      return opened;
    } catch (error) {
      opening = undefined;
      options.refuse(error);
      throw error;
    }
  };
  const opened = async (): Promise<{ readonly logId: string }> => {
    const refused = refusal();
    if (refused) throw refused;
    return await (opening ??= open());
  };
  const autoStart = (): void => {
    if (!options.autoStart || opening) return;
    setImmediate(() => {
      if (refusal()) return;
      opened().catch((error: unknown) => {
        // A file that others are busy with is free later, and nobody else may ask for it.
        const again = kindOfFailure(error) !== 'refused' && !refusal();
        options.failed(error, again);
        if (again) clock.setTimer(autoStart, START_AGAIN_MS);
      });
    });
  };
  return { opened, autoStart, isOpen: () => isOpen, current: () => opening };
}
