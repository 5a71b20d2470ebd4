/** The memory adapter. */
export { createMemoryDatabase } from './database.js';
export { memoryStorage, type MemoryStorageOptions } from './memory-storage.js';
