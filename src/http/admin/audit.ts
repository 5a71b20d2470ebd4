/** The log as evidence. What erases or removes has no route: a token that was stolen must not be able to. */
import type { Checkpoint, Nexus } from '../../nexus.js';
import type { LongAnswers } from '../json-lines.js';
import { json } from '../problem.js';
import { act, type Act } from './act.js';

export function auditActs({ audit }: Pick<Nexus, 'audit'>, long: LongAnswers): readonly Act[] {
  return [
    act('POST /admin/audit/checkpoint', {}, async () => json(200, await audit.checkpoint())),
    act('POST /admin/audit/verify', { from: 'whole', checkpoint: 'any' }, async ({ given }) => {
      const { from, checkpoint } = given;
      return await long.answer((how) =>
        audit.verify({
          ...how,
          ...(from !== undefined && { from }),
          // Whether it is one, the audit says.
          ...(checkpoint !== undefined && { checkpoint: checkpoint as Checkpoint | Checkpoint[] }),
        }),
      );
    }),
  ];
}
