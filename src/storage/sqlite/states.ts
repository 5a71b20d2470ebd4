/** How delivery states are written. */
import type { DeliveryState } from '../../core/delivery.js';

export const PENDING = 0;
export const RUNNING = 1;
export const SUCCEEDED = 2;
export const DEAD = 3;
export const CANCELLED = 4;

const names: readonly DeliveryState[] = ['pending', 'running', 'succeeded', 'dead', 'cancelled'];

export function stateName(state: number): DeliveryState {
  return names[state] ?? 'cancelled';
}

export function stateNumber(state: DeliveryState): number {
  return names.indexOf(state);
}
