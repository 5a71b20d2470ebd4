/** The memory adapter. */
export { createMemoryDatabase, type MemoryDatabase } from './database.js';
export { memoryStorage, type MemoryStorageOptions } from './memory-storage.js';
