/** Copies of a log that is in use. */

/** For `backup`. */
export interface BackupOptions {
  /** Told after each step. What it throws is logged and ends nothing. @default nobody is told */
  onProgress?: (progress: BackupProgress) => void;
}

/** How far a backup is. */
export interface BackupProgress {
  /** Bytes copied so far. */
  readonly done: number;
  /** Bytes there are to copy. */
  readonly total: number;
}
