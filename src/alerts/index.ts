/** Alerts. */
export {};
