/** The log as evidence: verified, vouched for, and the two ways in which something leaves it. */
import { invalidArgument, optionsArgument, seqArgument, signalArgument } from '../core/arguments.js';
import { REDACTED_TYPE } from '../core/chain-walk.js';
import type { Sha256 } from '../core/chain.js';
import type { Clock } from '../core/clock.js';
import { describeFailure, NexusError } from '../core/errors.js';
import { isReservedType, type StoredEvent } from '../core/event.js';
import type { Versions } from '../core/versions.js';
import type { Audit, AuditReport, Checkpoint, LoggerLike, Redaction, VerifyOptions } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import { checkpointArgument } from './checkpoint-argument.js';
import type { Lifecycle } from './lifecycle.js';
import type { MakeNote } from './note.js';
import { createPruning } from './pruning.js';
import type { Registrar } from './registrar.js';
import type { Runner } from './runner.js';
import { verifyLog } from './verification.js';
import { notFound, positionAhead } from './views.js';

export interface AuditDesk extends Audit {
  /** What the last verification found, if that was something. */
  complaints(): readonly string[];
}

export type AuditParts = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly logger: LoggerLike;
  readonly lifecycle: Lifecycle;
  readonly note: MakeNote;
  readonly versions: Pick<Versions, 'view'>;
  readonly registrar: Pick<Registrar, 'refresh'>;
  readonly runner: Pick<Runner, 'cancel'>;
  /** An event was appended past the committer. */
  readonly appended: (event: StoredEvent) => void;
  readonly opened: () => Promise<unknown>;
};

const MOST_REASON_CHARACTERS = 500;

export function createAudit(parts: AuditParts): AuditDesk {
  const { storage, clock, lifecycle, logger, opened } = parts;
  let complaint: string | undefined;
  /** A note was appended, past the committer: it is an event as any other. */
  const noted = async (id: string): Promise<void> => {
    await parts.registrar.refresh();
    const event = await storage.read.event(id);
    if (!event) return;
    parts.appended(event);
    lifecycle.tell('event', () => parts.versions.view(event));
  };
  const prune = createPruning({ ...parts, noted });

  const tellBroken = ({ logId, firstBad }: AuditReport & { readonly ok: false }): void => {
    complaint = `the log does not verify: ${firstBad.message}`;
    lifecycle.tell('audit:broken', () => ({ logId, ...firstBad }));
  };

  const verify = async (given?: VerifyOptions): Promise<AuditReport> => {
    const { from, checkpoint, onProgress, signal } = optionsArgument(given);
    seqArgument(from, 'from');
    const checkpoints = checkpoint === undefined ? [] : [checkpoint].flat().map(checkpointArgument);
    if (onProgress !== undefined && typeof onProgress !== 'function')
      throw invalidArgument('onProgress', 'a function', onProgress);
    signalArgument(signal);
    await opened();
    const { seq: head } = await storage.read.head();
    if (from !== undefined && from > head + 1) throw positionAhead(from, head);
    const report = await verifyLog({
      ...parts,
      from,
      checkpoints,
      signal,
      tell: (progress) => {
        try {
          onProgress?.(progress);
        } catch (error) {
          logger.error({ failure: describeFailure(error) }, 'onProgress of a verification threw');
        }
      },
    });
    if (!report.ok) tellBroken(report);
    else if (from === undefined) complaint = undefined;
    return report;
  };

  const checkpoint = async (): Promise<Checkpoint> => {
    await opened();
    const { logId } = await storage.read.origin();
    const { seq, hash } = await storage.read.head();
    await storage.edit({ edit: 'checkpointed', seq });
    return { logId, seq, hash, at: clock.now() };
  };

  const redact = async (eventId: string, reason: string): Promise<Redaction> => {
    if (typeof eventId !== 'string') throw invalidArgument('eventId', 'the id of an event', eventId);
    if (typeof reason !== 'string' || reason.trim() === '' || reason.length > MOST_REASON_CHARACTERS)
      throw invalidArgument('reason', `a text of 1 to ${MOST_REASON_CHARACTERS} characters`, reason);
    await opened();
    const id = eventId.toLowerCase();
    const event = await storage.read.event(id);
    if (!event) throw notFound('event', eventId);
    const { seq, type } = event;
    if (isReservedType(type)) {
      throw new NexusError(
        'NEXUS_INVALID_OPTION',
        `events of type ${type} are what the log says of itself, and stay; eventId must be that of another event`,
        { details: { option: 'eventId', type } },
      );
    }
    const note = parts.note(REDACTED_TYPE, { eventId: id, seq, type, reason: reason.toWellFormed() }, event);
    const { outcome, cancelled, complete } = await storage.redact({ id, note });
    if (outcome === 'not_found') throw notFound('event', eventId);
    for (const ref of cancelled) parts.runner.cancel(ref);
    if (outcome === 'redacted') await noted(note.id);
    return { eventId: id, seq, already: outcome === 'already', cancelled: cancelled.length, complete };
  };

  return {
    verify,
    checkpoint,
    redact,
    prune,
    complaints: () => (complaint === undefined ? [] : [complaint]),
  };
}
