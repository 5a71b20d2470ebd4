/** Copies of the storage, made while it works. */
import { describeFailure, NexusError } from '../core/errors.js';
import type { BackupOptions, BackupProgress, LoggerLike } from '../nexus.js';
import type { Storage } from '../storage/storage.js';

export function createBackup({
  storage,
  logger,
  opened,
}: {
  storage: Storage;
  logger: LoggerLike;
  opened: () => Promise<unknown>;
}): (path: string, options?: BackupOptions) => Promise<void> {
  return async (path, { onProgress } = {}) => {
    if (typeof path !== 'string' || path.trim() === '' || path.includes('\0')) {
      throw new NexusError(
        'NEXUS_INVALID_OPTION',
        `path must be the path of a new file; got ${JSON.stringify(path)}`,
        {
          details: { option: 'path' },
        },
      );
    }
    if (!storage.capabilities.backup) {
      throw new NexusError(
        'NEXUS_NOT_SUPPORTED',
        'this storage cannot be copied while in use (capabilities.backup is false); nothing was written',
      );
    }
    await opened();
    const tell = (progress: BackupProgress): void => {
      try {
        onProgress?.(progress);
      } catch (error) {
        logger.error({ failure: describeFailure(error) }, 'onProgress of a backup threw');
      }
    };
    await storage.backup({ path, onProgress: tell });
  };
}
